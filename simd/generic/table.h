/* Every kernel of a level into its table. */
static void fill_table(kernels *k) {
    k->linear[WEIGHT_F32] = linear_f32;
    k->linear[WEIGHT_F16] = linear_f16;
    k->linear[WEIGHT_Q8] = linear_q8;
    k->linear[WEIGHT_Q4] = linear_q4;
    k->weight_row[WEIGHT_F32] = weight_row_f32;
    k->weight_row[WEIGHT_F16] = weight_row_f16;
    k->weight_row[WEIGHT_Q8] = weight_row_q8;
    k->weight_row[WEIGHT_Q4] = weight_row_q4;
    k->attention = attention;
    k->kv_store = kv_store;
    k->norm = norm;
    k->quantize = quantize;
    k->norm_rows = norm_rows;
    k->pool = pool;
    k->add = add;
    k->activate = activate;
    k->max = max_of;
    k->exp_sum = exp_sum;
    k->f16_to_f32 = f16_to_f32;
    k->f32_to_f16 = f32_to_f16;
}
