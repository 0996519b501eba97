/** Why a deployment cannot be opened, and what to do: one line for the operator. */
export class DeploymentError extends Error {
  override name = 'DeploymentError'
}
