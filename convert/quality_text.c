/* Openings of books whose copyright has long expired, and a speech: English of several kinds. */
#include "convert/quality.h"
#include "formats/file.h"
#include <stdlib.h>
#include <string.h>

static const char TEXT[] =
    "Call me Ishmael. Some years ago - never mind how long precisely - having little or no money in my purse, and nothing particular to interest "
    "me on shore, I thought I would sail about a little and see the watery part of the world. It is a way I have of driving off the spleen and "
    "regulating the circulation. Whenever I find myself growing grim about the mouth; whenever it is a damp, drizzly November in my soul; whenever "
    "I find myself involuntarily pausing before coffin warehouses, and bringing up the rear of every funeral I meet; then, I account it high time "
    "to get to sea as soon as I can.\n\n"
    "It is a truth universally acknowledged, that a single man in possession of a good fortune, must be in want of a wife. However little known "
    "the feelings or views of such a man may be on his first entering a neighbourhood, this truth is so well fixed in the minds of the surrounding "
    "families, that he is considered as the rightful property of some one or other of their daughters.\n"
    "\"My dear Mr. Bennet,\" said his lady to him one day, \"have you heard that Netherfield Park is let at last?\"\n"
    "Mr. Bennet replied that he had not.\n"
    "\"But it is,\" returned she; \"for Mrs. Long has just been here, and she told me all about it.\"\n"
    "Mr. Bennet made no answer.\n"
    "\"Do not you want to know who has taken it?\" cried his wife impatiently.\n"
    "\"You want to tell me, and I have no objection to hearing it.\"\n"
    "This was invitation enough.\n\n"
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, it was the epoch of belief, it "
    "was the epoch of incredulity, it was the season of Light, it was the season of Darkness, it was the spring of hope, it was the winter of "
    "despair, we had everything before us, we had nothing before us, we were all going direct to Heaven, we were all going direct the other way.\n\n"
    "Four score and seven years ago our fathers brought forth on this continent, a new nation, conceived in Liberty, and dedicated to the "
    "proposition that all men are created equal. Now we are engaged in a great civil war, testing whether that nation, or any nation so conceived "
    "and so dedicated, can long endure. We are met on a great battle-field of that war. We have come to dedicate a portion of that field, as a "
    "final resting place for those who here gave their lives that that nation might live. It is altogether fitting and proper that we should do "
    "this. But, in a larger sense, we can not dedicate - we can not consecrate - we can not hallow - this ground. The brave men, living and dead, "
    "who struggled here, have consecrated it, far above our poor power to add or detract. The world will little note, nor long remember what we "
    "say here, but it can never forget what they did here.\n\n"
    "Alice was beginning to get very tired of sitting by her sister on the bank, and of having nothing to do: once or twice she had peeped into "
    "the book her sister was reading, but it had no pictures or conversations in it, \"and what is the use of a book,\" thought Alice \"without "
    "pictures or conversations?\" So she was considering in her own mind (as well as she could, for the hot day made her feel very sleepy and "
    "stupid), whether the pleasure of making a daisy-chain would be worth the trouble of getting up and picking the daisies, when suddenly a White "
    "Rabbit with pink eyes ran close by her. There was nothing so very remarkable in that; nor did Alice think it so very much out of the way to "
    "hear the Rabbit say to itself, \"Oh dear! Oh dear! I shall be late!\" But when the Rabbit actually took a watch out of its waistcoat-pocket, "
    "and looked at it, and then hurried on, Alice started to her feet, for it flashed across her mind that she had never before seen a rabbit with "
    "either a waistcoat-pocket, or a watch to take out of it, and burning with curiosity, she ran across the field after it, and fortunately was "
    "just in time to see it pop down a large rabbit-hole under the hedge.\n\n"
    "To Sherlock Holmes she is always the woman. I have seldom heard him mention her under any other name. In his eyes she eclipses and "
    "predominates the whole of her sex. It was not that he felt any emotion akin to love for Irene Adler. All emotions, and that one particularly, "
    "were abhorrent to his cold, precise but admirably balanced mind. He was, I take it, the most perfect reasoning and observing machine that the "
    "world has seen, but as a lover he would have placed himself in a false position. He never spoke of the softer passions, save with a gibe and "
    "a sneer.\n\n"
    "No one would have believed in the last years of the nineteenth century that this world was being watched keenly and closely by intelligences "
    "greater than man's and yet as mortal as his own; that as men busied themselves about their various concerns they were scrutinised and "
    "studied, perhaps almost as narrowly as a man with a microscope might scrutinise the transient creatures that swarm and multiply in a drop of "
    "water. With infinite complacency men went to and fro over this globe about their little affairs, serene in their assurance of their empire "
    "over matter.\n\n"
    "When, in the course of human events, it becomes necessary for one people to dissolve the political bands which have connected them with "
    "another, and to assume among the powers of the earth, the separate and equal station to which the laws of nature and of nature's God entitle "
    "them, a decent respect to the opinions of mankind requires that they should declare the causes which impel them to the separation. We hold "
    "these truths to be self-evident, that all men are created equal, that they are endowed by their Creator with certain unalienable rights, that "
    "among these are life, liberty and the pursuit of happiness.\n";

static char *default_text(size_t *n_bytes, lnt_error *err) {
    char *copy = strdup(TEXT);
    *n_bytes = sizeof TEXT - 1;
    return copy ? copy : err_null(err, "out of memory: %zu bytes for a text", *n_bytes);
}

char *quality_text(const char *path, size_t *n, lnt_error *err) {
    if (!path) return default_text(n, err);
    char *text;
    return file_read_all(path, "a text", UINT64_C(1) << 30, &text, n, err) ? NULL : text;
}
