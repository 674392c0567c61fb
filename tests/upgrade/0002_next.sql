-- A schema of the future, for tests alone: a column, a table that is filled from
-- what is there, and a table that is made anew.

ALTER TABLE products ADD COLUMN weight_grams INTEGER NOT NULL DEFAULT 0 CHECK (weight_grams >= 0);

CREATE TABLE order_tags (
  order_id INTEGER NOT NULL REFERENCES orders (id),
  tag      TEXT NOT NULL,
  PRIMARY KEY (order_id, tag)
) STRICT, WITHOUT ROWID;
INSERT INTO order_tags (order_id, tag) SELECT id, 'from before' FROM orders;

CREATE TABLE adjustments_next (
  order_id     INTEGER NOT NULL REFERENCES orders (id),
  position     INTEGER NOT NULL,
  kind         INTEGER NOT NULL,
  amount_minor INTEGER NOT NULL,
  label        TEXT NOT NULL,
  rate_ppm     INTEGER,
  PRIMARY KEY (order_id, position)
) STRICT, WITHOUT ROWID;
INSERT INTO adjustments_next (order_id, position, kind, amount_minor, label)
  SELECT order_id, position, kind, amount_minor, label FROM order_adjustments;
DROP TABLE order_adjustments;
ALTER TABLE adjustments_next RENAME TO order_adjustments;
