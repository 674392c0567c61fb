/* Snapshots: a head, records and texts in one block, so that reading one costs
   one allocation and freeing it is one free. */
#include <stdlib.h>
#include <string.h>

#include "base.h"

#define PACK_FIRST_BYTES 1024u
#define PACK_MAX_BYTES 0x7fffffffu
#define PACK_ALIGN 8u

/* Room for `size` more bytes, aligned; gives their offset, 0 on failure. */
static uint32_t pack_grow(struct shop__pack *pack, size_t size, uint32_t align) {
  uint32_t at = (pack->used + align - 1) & ~(align - 1);
  uint32_t wanted = pack->size == 0 ? PACK_FIRST_BYTES : pack->size;
  char *block;

  if (pack->failed || size > PACK_MAX_BYTES - at) {
    pack->failed = true;
    return 0;
  }
  while (wanted < at + size)
    wanted = wanted > PACK_MAX_BYTES / 2 ? PACK_MAX_BYTES : wanted * 2;
  if (wanted > pack->size) {
    block = shop__memory_realloc(pack->block, wanted);
    if (block == NULL) {
      pack->failed = true;
      return 0;
    }
    pack->block = block;
    pack->size = wanted;
  }
  memset(pack->block + pack->used, 0, at - pack->used);
  pack->used = at + (uint32_t)size;
  return at;
}

void shop__pack_begin(struct shop__pack *pack, size_t head_size) {
  pack->used = 0;
  pack->failed = false;
  (void)pack_grow(pack, head_size, PACK_ALIGN);
  if (!pack->failed)
    memset(pack->block, 0, head_size);
}

uint32_t shop__pack_bytes(struct shop__pack *pack, const void *data, size_t size) {
  uint32_t at = size > PACK_MAX_BYTES - 1 ? 0 : pack_grow(pack, size + 1, 1);

  if (at == 0)
    pack->failed = true;
  if (pack->failed)
    return 0;
  if (size > 0)
    memcpy(pack->block + at, data, size);
  pack->block[at + size] = '\0';
  return at;
}

uint32_t shop__pack_text(struct shop__pack *pack, const char *text) {
  return text == NULL || text[0] == '\0' ? 0 : shop__pack_bytes(pack, text, strlen(text));
}

static struct shop__pack_list *list_in(const struct shop__pack *pack, size_t list_offset) {
  return (struct shop__pack_list *)(void *)(pack->block + list_offset);
}

void shop__pack_record(struct shop__pack *pack, size_t list_offset, const void *record,
                       size_t size) {
  uint32_t at = pack_grow(pack, size, PACK_ALIGN);
  struct shop__pack_list *list;
  const uint32_t end = 0;

  if (pack->failed)
    return;
  memcpy(pack->block + at, record, size);
  memcpy(pack->block + at, &end, sizeof end);
  list = list_in(pack, list_offset);
  if (list->count == 0)
    list->first = at;
  else
    memcpy(pack->block + list->last, &at, sizeof at);
  list->last = at;
  list->count++;
}

void shop__pack_end_list(struct shop__pack *pack, size_t list_offset) {
  uint32_t count, at, record;

  if (pack->failed || list_in(pack, list_offset)->count == 0)
    return;
  count = list_in(pack, list_offset)->count;
  at = pack_grow(pack, (size_t)count * sizeof at, PACK_ALIGN);
  if (pack->failed)
    return;
  list_in(pack, list_offset)->index = at;
  record = list_in(pack, list_offset)->first;
  for (uint32_t i = 0; i < count; i++) {
    memcpy(pack->block + at + i * sizeof record, &record, sizeof record);
    memcpy(&record, pack->block + record, sizeof record);
  }
}

void *shop__pack_finish(struct shop__pack *pack) {
  void *block = pack->block;

  if (pack->failed)
    return NULL;
  *pack = (struct shop__pack){0};
  return block;
}

void shop__pack_free(struct shop__pack *pack) {
  shop__memory_free(pack->block);
  *pack = (struct shop__pack){0};
}

const char *shop__pack_text_at(const void *block, uint32_t offset) {
  return offset == 0 ? "" : (const char *)block + offset;
}

const void *shop__pack_at(const void *block, const struct shop__pack_list *list, int32_t index) {
  const char *bytes = block;
  uint32_t at;

  if (index < 0 || (uint32_t)index >= list->count)
    return NULL;
  memcpy(&at, bytes + list->index + (size_t)index * sizeof at, sizeof at);
  return bytes + at;
}
