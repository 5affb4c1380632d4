-- An object that is being deleted: nobody may begin to refer to it until it is known to be gone. It is marked then as of when that was
-- last tried.
ALTER TABLE stanchion_store_objects ADD COLUMN doomed INTEGER NOT NULL DEFAULT 0 CHECK (doomed IN (0, 1));
