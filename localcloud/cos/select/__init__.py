"""COS Select: SQL on one CSV or JSON object, answered as a stream of events."""
