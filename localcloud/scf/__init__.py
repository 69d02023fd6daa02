"""SCF on this machine: reads serverless.yml and runs its functions as the service does."""

from localcloud.scf.host import FunctionHost
from localcloud.scf.invocation import Invocation
from localcloud.scf.layer import LayerError

__all__ = ["FunctionHost", "Invocation", "LayerError"]
