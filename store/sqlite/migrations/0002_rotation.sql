-- How often the key of an actor was replaced, when last, and how the change is told.

ALTER TABLE actor ADD COLUMN rotations INTEGER NOT NULL DEFAULT 0;
ALTER TABLE actor ADD COLUMN rotated INTEGER NOT NULL DEFAULT -62135596800000;
ALTER TABLE actor ADD COLUMN previous TEXT NOT NULL DEFAULT ''; -- the key that signs the handover
ALTER TABLE actor ADD COLUMN handover TEXT NOT NULL DEFAULT ''; -- the activity that the previous key signs
