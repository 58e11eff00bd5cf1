"""What each event can be: a bit a step, and two bits for exclusions."""

#: An excluded event: what was begun before it ends with it.
EXCLUDED = 1 << 31

#: Between this event and the one before it in its lane there was an excluded event that concerns every lane.
BROKEN = 1 << 30

#: Steps that a funnel can have.
MOST_STEPS = 30
