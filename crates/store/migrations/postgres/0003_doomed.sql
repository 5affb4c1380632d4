-- Since when an object is being deleted: nobody may begin to refer to it until it is known to be gone.
ALTER TABLE stanchion_store.objects ADD COLUMN doomed_at timestamptz;
