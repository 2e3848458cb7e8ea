/* e to the x and its inverse, with the same bits on every machine; libm's last bit differs between CPUs and systems. */
#ifndef LNT_ENGINE_EXPONENTIAL_H
#define LNT_ENGINE_EXPONENTIAL_H

/* Relative error below 1e-15; 0 below -700, infinite above 709. NaN gives NaN. */
double exponential(double x);
/* To base e, of x > 0. */
double logarithm(double x);
#endif
