"""Content audit: what a client of CI sees of it. The judging is done by `localcloud.detectors`.

A request becomes a `Job` of one `Kind`; the runner has it judged, acts on the verdict and tells it.
Nothing of this package but `door` is imported before the first audit.
"""
