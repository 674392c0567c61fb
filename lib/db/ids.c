/*
 * The seam's own table: `seam` (slot, value). Row 0 is the id counter. Rows 1
 * to 256 are batch markers: every open store holds one, and each of its
 * commits writes a new random value there. So after a commit of unknown
 * outcome one look at the row tells whether that very commit stands. Both lie
 * on one page, which a batch that draws ids has to write anyway.
 */
#include "db_internal.h"

#define ID_LIMIT ((int64_t)1 << 53)

/* ---- ids ------------------------------------------------------------------- */

/* The value of a slot; *there false when it has none. */
static int32_t read_slot(struct shop__tx *tx, int32_t slot, bool *there, int64_t *value) {
  shop__query_t *q = shop__query(tx, "SELECT value FROM seam WHERE slot = $1");
  shop__query_int(q, 1, slot);
  int32_t status = shop__query_step(q);
  *there = status == SHOP__ROW;
  *value = shop__query_get_int(q, 0);
  shop__query_reset(q);
  return status < 0 ? status : SHOP_OK;
}

static int32_t load_id(struct shop__tx *tx) {
  bool there;
  int64_t value;
  int32_t status = read_slot(tx, 0, &there, &value);
  if (status != SHOP_OK) {
    return status;
  }
  if (!there || value < 0) {
    return shop__error_set(&tx->failure, SHOP_ERR_CORRUPT,
                           "The file has lost its id counter: restore it from a backup");
  }
  tx->id_stored = value;
  tx->id_last = value;
  tx->id_loaded = true;
  return SHOP_OK;
}

/* One counter for the whole batch, written once before its commit: functions run one after the
   other, so the ids rise in the order of their commits, also where the clock goes back. */
int32_t shop__tx_id(shop__tx_t *tx, int64_t *id) {
  *id = 0;
  if (!tx->writing) {
    return shop__error_set(tx->error, SHOP_ERR_READ_ONLY, "An id was asked for while reading");
  }
  if (!tx->id_loaded) {
    int32_t status = load_id(tx);
    if (status != SHOP_OK) {
      return status;
    }
  }
  int64_t by_clock = shop__clock_now_ms(tx->link->db->clock) << 11;
  int64_t next = tx->id_last < by_clock ? by_clock : tx->id_last + 1;
  if (next >= ID_LIMIT) {
    return shop__error_set(tx->error, SHOP_ERR_OVERFLOW, "The store has given out its last id");
  }
  tx->id_last = next;
  *id = next;
  return SHOP_OK;
}

static int32_t store_id(struct shop__tx *tx) {
  if (!tx->id_loaded || tx->id_last == tx->id_stored) {
    return SHOP_OK;
  }
  shop__query_t *q = shop__query(tx, "UPDATE seam SET value = $1 WHERE slot = 0");
  shop__query_int(q, 1, tx->id_last);
  return shop__query_run(q, NULL);
}

/* ---- the batch marker ------------------------------------------------------ */

/* 63 bits, the highest of them set: values of one size are overwritten in place. */
static int64_t new_value(struct shop__tx *tx) {
  uint64_t value;
  tx->link->engine->random(&value, sizeof value);
  return (int64_t)(value >> 2 | (uint64_t)1 << 62);
}

/* A free slot by chance; a taken one where all are, which kills of 256 processes can bring about.
 */
static int32_t choose_slot(struct shop__tx *tx, int32_t *slot) {
  bool taken[SHOP__MARKER_SLOTS + 1] = {false};
  uint32_t free_count = SHOP__MARKER_SLOTS;
  int32_t status;
  shop__query_t *q = shop__query(tx, "SELECT slot FROM seam WHERE slot > 0 ORDER BY slot");
  while ((status = shop__query_step(q)) == SHOP__ROW) {
    int64_t found = shop__query_get_int(q, 0);
    if (found <= SHOP__MARKER_SLOTS && !taken[found]) {
      taken[found] = true;
      free_count--;
    }
  }
  uint32_t chance;
  tx->link->engine->random(&chance, sizeof chance);
  chance %= free_count == 0 ? SHOP__MARKER_SLOTS : free_count;
  for (*slot = 1; *slot < SHOP__MARKER_SLOTS; ++*slot) {
    if (free_count != 0 && taken[*slot]) {
      continue;
    }
    if (chance-- == 0) {
      break;
    }
  }
  return status;
}

static int32_t write_slot(struct shop__tx *tx, int32_t slot, int64_t value) {
  shop__query_t *q = shop__query(tx,
                                 "INSERT INTO seam (slot, value) VALUES ($1, $2)"
                                 " ON CONFLICT (slot) DO UPDATE SET value = excluded.value");
  shop__query_int(q, 1, slot);
  shop__query_int(q, 2, value);
  return shop__query_run(q, NULL);
}

/* Puts the new value into the slot that is held. *held false when another store has taken it. */
static int32_t mark_held(struct shop__marker *marker, struct shop__tx *tx, bool *held) {
  int64_t changes = 0;
  shop__query_t *q = shop__query(tx, "UPDATE seam SET value = $3 WHERE slot = $1 AND value = $2");
  shop__query_int(q, 1, marker->slot);
  shop__query_int(q, 2, marker->value);
  shop__query_int(q, 3, marker->trial_value);
  int32_t status = shop__query_run(q, &changes);
  *held = changes == 1;
  marker->trial_slot = marker->slot;
  marker->trial_was_there = true;
  marker->trial_before = marker->value;
  return status;
}

static int32_t mark_new(struct shop__marker *marker, struct shop__tx *tx) {
  int32_t status = choose_slot(tx, &marker->trial_slot);
  if (status == SHOP_OK) {
    status = read_slot(tx, marker->trial_slot, &marker->trial_was_there, &marker->trial_before);
  }
  if (status == SHOP_OK) {
    status = write_slot(tx, marker->trial_slot, marker->trial_value);
  }
  return status;
}

int32_t shop__marker_seal(struct shop__marker *marker, struct shop__tx *tx) {
  bool held = false;
  int32_t status = store_id(tx);
  marker->trial_value = new_value(tx);
  if (status == SHOP_OK && marker->slot != 0) {
    status = mark_held(marker, tx, &held);
  }
  if (status == SHOP_OK && !held) {
    status = mark_new(marker, tx);
  }
  return status;
}

void shop__marker_settle(struct shop__marker *marker) {
  marker->slot = marker->trial_slot;
  marker->value = marker->trial_value;
}

/* The row holds the new value: the commit stands. It is as it was before: the commit is void. A
   third value is another store's, which took the slot in between: then nothing can be told. Leaves
   the marker as held or not, so that the next seal is right either way. */
int32_t shop__marker_look(struct shop__marker *marker, struct shop__tx *tx, bool *stands) {
  bool there;
  int64_t value;
  *stands = false;
  marker->slot = 0;
  int32_t status = read_slot(tx, marker->trial_slot, &there, &value);
  if (status != SHOP_OK) {
    return status;
  }
  if (there && value == marker->trial_value) {
    *stands = true;
    shop__marker_settle(marker);
    return SHOP_OK;
  }
  if (there != marker->trial_was_there || (there && value != marker->trial_before)) {
    return SHOP_ERR_COMMIT_UNKNOWN;
  }
  if (there) {
    marker->slot = marker->trial_slot;
    marker->value = value;
  }
  return SHOP_OK;
}

int32_t shop__marker_release(struct shop__marker *marker, struct shop__tx *tx) {
  shop__query_t *q = shop__query(tx, "DELETE FROM seam WHERE slot = $1 AND value = $2");
  shop__query_int(q, 1, marker->slot);
  shop__query_int(q, 2, marker->value);
  return shop__query_run(q, NULL);
}
