-- The ids of the first matches in order, when there are fewer than :most of them. Every match is collected, by the inverted
-- index, before any is ordered: the planner's guess of how common a combination of words is can be wrong by any factor.
-- With :most or more the index of the order finds a page among them soon, whatever the guess.
WITH hits AS MATERIALIZED (
    SELECT p.id
        , p.name_key --? name
        , p.name_key --? -name
        , p.price_currency, p.price_amount --? price
        , p.price_currency, p.price_amount --? -price
    FROM stanchion_catalog.products AS p
    WHERE p.deleted_at IS NULL AND p.status = :status
      AND p.terms @@ :terms::tsquery
      AND p.id < :row --? newest after
      AND (p.name_key, p.id) > (:name_key, :row) --? name after
      AND (p.name_key, p.id) < (:name_key, :row) --? -name after
      AND (p.price_currency, p.price_amount, p.id) > (:currency, :amount, :row) --? price after
      AND (p.price_currency, p.price_amount, p.id) < (:currency, :amount, :row) --? -price after
), few AS MATERIALIZED (
    SELECT * FROM hits LIMIT :most
)
SELECT
    (SELECT count(*) FROM few) < :most AS complete,
    ARRAY(
        SELECT p.id FROM few AS p
        ORDER BY p.id DESC --? newest
        ORDER BY p.name_key, p.id --? name
        ORDER BY p.name_key DESC, p.id DESC --? -name
        ORDER BY p.price_currency, p.price_amount, p.id --? price
        ORDER BY p.price_currency DESC, p.price_amount DESC, p.id DESC --? -price
        LIMIT :limit
    ) AS ids
