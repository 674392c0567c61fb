/*
 * What the files of lib/base share about texts.
 */
#ifndef SHOP_LIB_BASE_TEXT_H
#define SHOP_LIB_BASE_TEXT_H

#include "base.h"

/** How much of a text that was cut off after `size` bytes ends with a whole
    character: size, less up to three bytes of a character that was cut. */
size_t shop__text_whole(const char *text, size_t size);

/** A Unicode space character (general category Zs), U+0020 among them. */
bool shop__text_is_space(uint32_t code);

#endif
