"""Misbehaviour on demand: errors, delays, cut answers, wrong ETags, and events that go astray.

Rules come from `serve --fault` and from the admin call (`localcloud.admin`). What a rule decides
depends on the seed, its own text, the operation, and how many requests to that operation it has
seen: the same requests meet the same faults again, whatever else goes on beside them.
"""
