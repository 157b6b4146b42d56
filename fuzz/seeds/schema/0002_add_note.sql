-- 1.1.0: what the customer says about the order. Nullable, so that 1.0.0 goes on inserting rows without it.
ALTER TABLE orders ADD COLUMN IF NOT EXISTS note text;
