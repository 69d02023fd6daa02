"""What every function needs: settings, events, pipelines, the COS/CI client, write-back.

Deployed as the SCF layer. Imports nothing but the standard library, `cos-python-sdk-v5` and
`PyYAML`, and never `functions` or `localcloud`.
"""
