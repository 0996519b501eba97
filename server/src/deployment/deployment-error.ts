/** Why a deployment cannot be opened, and what to do: one line for the operator. */
export class DeploymentError extends Error {
  override name = 'DeploymentError'
}

export function noDeployment(): DeploymentError {
  return new DeploymentError('there is no deployment yet: run keywright init, or keywright serve')
}
