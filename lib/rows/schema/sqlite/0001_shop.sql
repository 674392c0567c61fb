-- The shop, version 1. A list of three or more after IN makes SQLite build a
-- b-tree at every check: ranges are written as BETWEEN. Times are ms since 1970 (UTC), amounts minor units.
-- Long texts stand last in their tables, so that a read of the front columns
-- does not walk their overflow pages.

CREATE TABLE shop (
  id            INTEGER PRIMARY KEY CHECK (id = 1),
  store_id      TEXT NOT NULL,               -- 128 random bits; on every handle
  guess_secret  BLOB NOT NULL,               -- 256 random bits; the keys of guesses are made with it
  created_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE signing_keys (
  kid           TEXT PRIMARY KEY,
  alg           INTEGER NOT NULL,            -- enum shop__key_alg
  state         INTEGER NOT NULL CHECK (state BETWEEN 1 AND 3), -- signs, verifies, retired
  created_at_ms INTEGER NOT NULL,
  until_ms      INTEGER,                     -- when its last token has expired; NULL: it signs
  sealed        INTEGER NOT NULL DEFAULT 0,  -- 1: the secret is sealed by the host's
  secret        BLOB NOT NULL,               -- retired: empty
  CHECK ((state = 1) = (until_ms IS NULL))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX signing_keys_active ON signing_keys (alg) WHERE state = 1;

CREATE TABLE users (
  id            INTEGER PRIMARY KEY,
  subject       TEXT NOT NULL,               -- the claim "sub"
  epoch         INTEGER NOT NULL CHECK (epoch > 0),
  email         TEXT,                        -- as typed: where mail goes
  email_key     TEXT UNIQUE,                 -- ASCII in lower case: the identity
  password_hash TEXT,                        -- PHC string, Argon2id; $pepper=ID before it
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL,
  disabled_at_ms INTEGER,                    -- NULL: may log in
  verified_at_ms INTEGER,                    -- the address
  closed_at_ms  INTEGER,                     -- by the user: without email_key and password
  guest_at_ms   INTEGER,                     -- came then without an address, and has none yet
  language      TEXT,                        -- of their mails (BCP 47); NULL: the shop's
  erasing_at_ms INTEGER,                     -- the identity is gone since then, and
  erased_at_ms  INTEGER,                     -- all of the orders' copies since then
  external_id   TEXT,
  note          TEXT,
  CHECK (email_key IS NULL OR email IS NOT NULL),
  CHECK ((email_key IS NULL) = (password_hash IS NULL)),
  CHECK (email_key IS NOT NULL OR closed_at_ms IS NOT NULL OR guest_at_ms IS NOT NULL),
  CHECK (guest_at_ms IS NULL OR (email IS NULL AND verified_at_ms IS NULL))
) STRICT;
CREATE INDEX users_guests ON users (id) WHERE guest_at_ms IS NOT NULL;

-- What is mailed to a user and comes back once. A new one of a kind ends the older ones.
CREATE TABLE codes (
  hash          BLOB PRIMARY KEY,            -- of the code, which is not stored
  user_id       INTEGER REFERENCES users (id),
  kind          INTEGER NOT NULL,            -- enum shop__code_kind
  expires_at_ms INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL,
  used_at_ms    INTEGER,                     -- or ended
  new_email     TEXT                         -- of a change of address
) STRICT, WITHOUT ROWID;
CREATE INDEX codes_user ON codes (user_id, kind, created_at_ms);
CREATE INDEX codes_expiry ON codes (expires_at_ms);
CREATE INDEX users_erasing ON users (id) WHERE erasing_at_ms IS NOT NULL AND erased_at_ms IS NULL;

CREATE INDEX users_closed ON users (closed_at_ms, id)
  WHERE closed_at_ms IS NOT NULL AND erasing_at_ms IS NULL AND guest_at_ms IS NULL;

-- Registrations that a code from a mail is to finish. One for an address that is taken is
-- kept likewise; its code is in no mail. A slot is free when it expires at 0.
CREATE TABLE registrations (
  slot          INTEGER PRIMARY KEY,
  hash          BLOB UNIQUE,                 -- of the code, which is not stored
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL,
  ended         INTEGER NOT NULL,            -- 1: an account was made of one for this address
  email         TEXT,
  email_key     TEXT,
  once          BLOB,                        -- a hash of the idempotency key
  guest_id      INTEGER,                     -- the guest who is to have it; NULL: a new user
  language      TEXT,
  password_hash TEXT,
  CHECK ((expires_at_ms = 0) = (hash IS NULL)),
  CHECK ((hash IS NULL) = (email_key IS NULL))
) STRICT;
CREATE INDEX registrations_guest ON registrations (guest_id) WHERE guest_id IS NOT NULL;
CREATE INDEX registrations_expiry ON registrations (expires_at_ms, slot);
CREATE INDEX registrations_email ON registrations (email_key, created_at_ms)
  WHERE email_key IS NOT NULL;

-- The ids of the peppers that password hashes were made with.
CREATE TABLE peppers (
  id TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Wrong passwords, by account, source, or both; registrations by source. The key is
-- a hash under the shop's guess_secret. Slots are never given up, so the last one
-- tells how many there are; the weakest is the next to be taken. What costs who is
-- counted no hash (mails, guests) is worth less than any wrong password.
CREATE TABLE guesses (
  slot     INTEGER PRIMARY KEY,
  key      BLOB NOT NULL UNIQUE,
  failures INTEGER NOT NULL,
  at_ms    INTEGER NOT NULL,                 -- of the last one
  worth    INTEGER NOT NULL                  -- 1: of a password
) STRICT;
CREATE INDEX guesses_weakest ON guesses (worth, failures, at_ms, slot);

-- Where a user has logged in from, the latest few; the source is a hash as above.
CREATE TABLE known_sources (
  user_id INTEGER NOT NULL REFERENCES users (id),
  source  BLOB NOT NULL,
  at_ms   INTEGER NOT NULL,
  PRIMARY KEY (user_id, source)
) STRICT, WITHOUT ROWID;

CREATE TABLE tokens (
  jti           TEXT PRIMARY KEY,
  user_id       INTEGER NOT NULL REFERENCES users (id),
  epoch         INTEGER NOT NULL,            -- the user's, when it was issued
  issued_at_ms  INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL,
  revoked_at_ms INTEGER,
  id            INTEGER NOT NULL,            -- what its owner sees of it
  last_used_at_ms INTEGER,                   -- to the quarter of an hour
  label         TEXT                         -- of the host, such as a device
) STRICT, WITHOUT ROWID;

CREATE INDEX tokens_expiry ON tokens (expires_at_ms);
CREATE INDEX tokens_user ON tokens (user_id, id);

-- Refresh tokens. A family is what one login began; one of it is good at a time.
CREATE TABLE refresh_tokens (
  hash                 BLOB PRIMARY KEY,     -- BLAKE2b-256 of the text
  family_id            INTEGER NOT NULL,
  user_id              INTEGER NOT NULL REFERENCES users (id),
  epoch                INTEGER NOT NULL,     -- the user's, when it was made
  state                INTEGER NOT NULL CHECK (state BETWEEN 1 AND 3), -- good, used, ended
  jti                  TEXT NOT NULL,        -- of the token it came with
  expires_at_ms        INTEGER NOT NULL,
  family_expires_at_ms INTEGER NOT NULL,
  parent               BLOB,                 -- the one it was got for
  key_digest           BLOB,                 -- of the idempotency key it was used with
  label                TEXT                  -- of the session
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX refresh_tokens_good ON refresh_tokens (family_id) WHERE state = 1;
CREATE INDEX refresh_tokens_family ON refresh_tokens (family_id, jti);
CREATE INDEX refresh_tokens_jti ON refresh_tokens (jti);
CREATE INDEX refresh_tokens_user ON refresh_tokens (user_id);
CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at_ms);

-- Stock: on hand = available + reserved - shortfall = received - sold. Reserved
-- is what unfinished orders reserve and what held carts hold.
-- available NULL: unlimited. The shortfall is what purchases hold beyond what
-- the merchant has counted since; released pieces fill it first.
CREATE TABLE products (
  id            INTEGER PRIMARY KEY,
  sku           TEXT NOT NULL UNIQUE,
  name          TEXT NOT NULL,
  price_minor   INTEGER NOT NULL CHECK (price_minor >= 0),
  currency      TEXT NOT NULL CHECK (length(currency) = 3),
  state         INTEGER NOT NULL CHECK (state IN (1, 2)),     -- 1 active, 2 retired
  available     INTEGER CHECK (available >= 0),
  reserved      INTEGER NOT NULL CHECK (reserved >= 0),
  shortfall     INTEGER NOT NULL CHECK (shortfall >= 0),
  received      INTEGER NOT NULL,
  sold          INTEGER NOT NULL CHECK (sold >= 0),
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL,
  external_id   TEXT,
  note          TEXT,
  description   TEXT,
  CHECK (shortfall = 0 OR available = 0)
) STRICT;

CREATE TABLE carts (
  id            INTEGER PRIMARY KEY,
  user_id       INTEGER NOT NULL REFERENCES users (id),
  state         INTEGER NOT NULL CHECK (state BETWEEN 1 AND 4), -- open, completing, completed, expired
  version       INTEGER NOT NULL,
  line_count    INTEGER NOT NULL CHECK (line_count >= 0),
  currency      TEXT,                        -- NULL while there is no line
  order_id      INTEGER,                     -- the living order: completing, completed
  created_at_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL,
  -- While it is open and the length is not 0, every piece in it is counted as
  -- reserved; while it is being bought, the length is kept for a failure.
  hold_start_ms  INTEGER NOT NULL DEFAULT 0,
  hold_length_ms INTEGER NOT NULL DEFAULT 0 CHECK (hold_length_ms >= 0),
  CHECK ((state IN (1, 4)) = (order_id IS NULL)),
  CHECK (state <= 2 OR hold_length_ms = 0)
) STRICT;
CREATE UNIQUE INDEX carts_living ON carts (user_id) WHERE state IN (1, 2);
-- All of a user's; and a cart that goes is looked for in orders_user.
CREATE UNIQUE INDEX carts_user ON carts (user_id, id);
CREATE INDEX carts_open ON carts (updated_at_ms) WHERE state = 1;
CREATE INDEX carts_held ON carts (hold_start_ms, id) WHERE hold_length_ms > 0;

CREATE TABLE cart_lines (
  cart_id          INTEGER NOT NULL REFERENCES carts (id),
  product_id       INTEGER NOT NULL REFERENCES products (id),
  position         INTEGER NOT NULL,
  quantity         INTEGER NOT NULL CHECK (quantity > 0),
  kept_price_minor INTEGER NOT NULL CHECK (kept_price_minor >= 0),
  PRIMARY KEY (cart_id, position),           -- in the order in which they are read, with every cart
  UNIQUE (cart_id, product_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE orders (
  id               INTEGER PRIMARY KEY,
  number           TEXT NOT NULL UNIQUE,
  user_id          INTEGER NOT NULL REFERENCES users (id),
  cart_id          INTEGER NOT NULL,
  status           INTEGER NOT NULL CHECK (status BETWEEN 1 AND 4), -- pending, placed, failed, cancelled
  currency         TEXT NOT NULL,
  total_minor      INTEGER NOT NULL CHECK (total_minor >= 0),
  created_at_ms    INTEGER NOT NULL,
  updated_at_ms    INTEGER NOT NULL,
  placed_at_ms     INTEGER,
  email            TEXT NOT NULL,
  email_key        TEXT NOT NULL,
  language         TEXT,                     -- the user's, when it was made
  external_id      TEXT,
  shipping_address TEXT,
  billing_address  TEXT,
  note             TEXT,
  FOREIGN KEY (user_id, cart_id) REFERENCES carts (user_id, id),
  CHECK ((status IN (2, 4)) = (placed_at_ms IS NOT NULL))
) STRICT;
CREATE INDEX orders_user ON orders (user_id, id);
CREATE INDEX orders_email ON orders (email_key, id);
CREATE INDEX orders_open ON orders (status, id) WHERE status <> 2;

CREATE TABLE order_lines (
  order_id         INTEGER NOT NULL REFERENCES orders (id),
  position         INTEGER NOT NULL,
  product_id       INTEGER NOT NULL REFERENCES products (id),
  quantity         INTEGER NOT NULL CHECK (quantity > 0),
  unit_price_minor INTEGER NOT NULL CHECK (unit_price_minor >= 0),
  total_minor      INTEGER NOT NULL CHECK (total_minor >= 0),
  sku              TEXT NOT NULL,
  name             TEXT NOT NULL,
  PRIMARY KEY (order_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE order_adjustments (
  order_id     INTEGER NOT NULL REFERENCES orders (id),
  position     INTEGER NOT NULL,
  kind         INTEGER NOT NULL,             -- enum shop_adjustment_kind
  amount_minor INTEGER NOT NULL,
  label        TEXT NOT NULL,
  PRIMARY KEY (order_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE reservations (
  order_id   INTEGER NOT NULL REFERENCES orders (id),
  product_id INTEGER NOT NULL REFERENCES products (id),
  quantity   INTEGER NOT NULL CHECK (quantity > 0),
  returned   INTEGER NOT NULL DEFAULT 0 CHECK (returned BETWEEN 0 AND quantity), -- of what was taken
  state      INTEGER NOT NULL CHECK (state BETWEEN 1 AND 3),     -- held, taken, released
  PRIMARY KEY (order_id, product_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE payments (
  order_id          INTEGER PRIMARY KEY REFERENCES orders (id),
  state             INTEGER NOT NULL,        -- enum shop_payment_status
  attention         INTEGER NOT NULL,        -- enum shop__attention, added up
  amount_minor      INTEGER NOT NULL CHECK (amount_minor > 0),
  currency          TEXT NOT NULL,
  captured_minor    INTEGER NOT NULL CHECK (captured_minor >= 0),
  refunded_minor    INTEGER NOT NULL CHECK (refunded_minor BETWEEN 0 AND captured_minor),
  captured_currency TEXT,
  reference         TEXT,                    -- the gateway's own id
  held_since_ms     INTEGER NOT NULL,        -- when it began to wait, or was authorized
  created_at_ms     INTEGER NOT NULL,
  updated_at_ms     INTEGER NOT NULL,
  client_data       TEXT                     -- for the shopper's next step, 3-D Secure
) STRICT;
CREATE INDEX payments_reference ON payments (reference) WHERE reference IS NOT NULL;
CREATE INDEX payments_attention ON payments (order_id) WHERE attention <> 0 OR state = 3;

-- What was asked of the gateway, written before it is asked. Key, kind, amount, currency and method are never changed, so a repetition
-- is the same request to the byte.
CREATE TABLE operations (
  id               INTEGER PRIMARY KEY,
  order_id         INTEGER NOT NULL REFERENCES payments (order_id),
  kind             INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 4), -- charge, capture, void, refund
  state            INTEGER NOT NULL CHECK (state BETWEEN 1 AND 4), -- sent, done, refused, unknown
  cancels          INTEGER NOT NULL,         -- 1: when done, the order is cancelled
  amount_minor     INTEGER NOT NULL,
  moved_minor      INTEGER NOT NULL,         -- what the gateway took or gave back by it
  currency         TEXT NOT NULL,
  key              TEXT NOT NULL,            -- the gateway's idempotency key, made of the id
  method           TEXT NOT NULL,
  created_at_ms    INTEGER NOT NULL,
  lease_start_ms   INTEGER NOT NULL,
  lease_length_ms  INTEGER NOT NULL,
  reference        TEXT                      -- the gateway's own id of it
) STRICT;
CREATE INDEX operations_order ON operations (order_id, id);
CREATE INDEX operations_open ON operations (lease_start_ms, id) WHERE state IN (1, 4);
CREATE INDEX operations_reference ON operations (reference) WHERE reference IS NOT NULL;
-- One unfinished charge, capture or void of a payment at a time.
CREATE UNIQUE INDEX operations_one ON operations (order_id, kind) WHERE state IN (1, 4) AND kind <> 4;

-- Pieces that come back into stock when a refund or a void is done.
CREATE TABLE operation_returns (
  operation_id INTEGER NOT NULL REFERENCES operations (id),
  product_id   INTEGER NOT NULL REFERENCES products (id),
  quantity     INTEGER NOT NULL CHECK (quantity > 0),
  PRIMARY KEY (operation_id, product_id)
) STRICT, WITHOUT ROWID;

-- What the gateway has reported by itself. An event is taken once.
CREATE TABLE reports (
  id            INTEGER PRIMARY KEY,
  event_id      TEXT NOT NULL UNIQUE,
  order_id      INTEGER,                     -- NULL: no payment of this shop is known by it
  outcome       INTEGER NOT NULL,            -- enum shop_gateway_outcome
  amount_minor  INTEGER NOT NULL,
  currency      TEXT,
  key           TEXT,
  reference     TEXT,
  reason        TEXT,
  received_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX reports_order ON reports (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX reports_unmatched ON reports (id) WHERE order_id IS NULL;

-- Mail: composed before the transaction of its cause, which stores it here, and
-- sent as these bytes. Due when now >= since + wait, or now < since (a clock gone
-- back). One of a kind for an order and its cause; an account's has no order.
CREATE TABLE outbox (
  id            INTEGER PRIMARY KEY,
  order_id      INTEGER REFERENCES orders (id),
  kind          INTEGER NOT NULL,            -- enum shop_mail_kind
  state         INTEGER NOT NULL CHECK (state BETWEEN 1 AND 5), -- queued, leased, sent, dead, forgotten
  tries         INTEGER NOT NULL,
  since_ms      INTEGER NOT NULL,
  wait_ms       INTEGER NOT NULL,
  lease_id      INTEGER NOT NULL,            -- whose lease; 0: nobody's
  created_at_ms INTEGER NOT NULL,
  sent_at_ms    INTEGER,
  cause_id      INTEGER NOT NULL DEFAULT 0,  -- of a refund: its operation
  user_id       INTEGER,                     -- whose account or order it is about
  code_hash     BLOB,                        -- of the code in it, with which it ends
  recipient     TEXT NOT NULL,
  sender        TEXT NOT NULL,
  reason        TEXT,                        -- of the last answer that was not "delivered"
  message       BLOB NOT NULL,               -- empty: thrown away
  UNIQUE (order_id, kind, cause_id)
) STRICT;
CREATE INDEX outbox_due ON outbox (since_ms + wait_ms) WHERE state IN (1, 2);
CREATE INDEX outbox_since ON outbox (since_ms, state, created_at_ms) WHERE state IN (1, 2);
CREATE INDEX outbox_sent ON outbox (sent_at_ms) WHERE state = 3;
CREATE INDEX outbox_user ON outbox (user_id, id) WHERE order_id IS NULL;
CREATE INDEX outbox_dead ON outbox (id) WHERE state = 4;
CREATE INDEX outbox_code ON outbox (code_hash) WHERE code_hash IS NOT NULL;

-- What has happened: append-only.
CREATE TABLE events (
  id       INTEGER PRIMARY KEY,
  at_ms    INTEGER NOT NULL,
  actor    INTEGER NOT NULL,                 -- enum shop_actor
  user_id  INTEGER,                          -- whom it concerns
  order_id INTEGER,                          -- which order it concerns
  name     TEXT NOT NULL,
  before   TEXT,
  after    TEXT,
  detail   TEXT
) STRICT;
CREATE INDEX events_order ON events (order_id, id) WHERE order_id IS NOT NULL;
CREATE INDEX events_user ON events (user_id, id) WHERE order_id IS NULL;

-- Idempotency keys, stored with the effect that they stand for. user_id 0: the
-- merchant's calls.
CREATE TABLE requests (
  user_id       INTEGER NOT NULL,
  operation     TEXT NOT NULL,
  key           TEXT NOT NULL,
  digest        BLOB NOT NULL,
  result_id     INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL,
  PRIMARY KEY (user_id, operation, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX requests_age ON requests (created_at_ms);
