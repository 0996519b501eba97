import type { ControlPolicyType } from '../identity/organization-structure.ts'
import { command, required, type ArgumentRule, type Arguments } from './command.ts'

const accountId: ArgumentRule = { form: 'twelve digits', pattern: /^\d{12}$/, required: true }
const place: ArgumentRule = {
  form: 'the id of the root (r-…) or of a unit (ou-…)',
  pattern: /^(r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[0-9a-z]{8,32})$/,
}
const target: ArgumentRule = {
  form: 'the id of the root (r-…), a unit (ou-…) or an account',
  pattern: /^(\d{12}|r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[0-9a-z]{8,32})$/,
  required: true,
}
const policyId: ArgumentRule = {
  form: 'the id of a policy (p-…)',
  pattern: /^p-[0-9a-zA-Z_]{8,128}$/,
  required: true,
}
const name: ArgumentRule = { form: '1 to 128 printable ASCII characters', pattern: /^[ -~]{1,128}$/ }
const description: ArgumentRule = { form: 'up to 512 printable ASCII characters', pattern: /^[ -~]{0,512}$/ }
const document: ArgumentRule = { form: 'a JSON document', pattern: /^[\t\n\r -\u00ff]{1,20480}$/ }
const types: readonly ControlPolicyType[] = ['service-control', 'resource-control']
const type: ArgumentRule = {
  form: 'service-control or resource-control',
  pattern: /^(service-control|resource-control)$/,
}

/** The organization of the deployment's accounts, and the policies that limit them. */
export const organizationRequests = {
  'organization create': command({}, (deployment, _args, operator) =>
    deployment.organization.create(operator),
  ),
  'organization show': command({}, (deployment) => deployment.organization.show()),
  'organization delete': command({}, async (deployment, _args, operator) => {
    await deployment.organization.delete(operator)
    return {}
  }),
  'organization add-account': command({ accountId, parent: place }, (deployment, args, operator) =>
    deployment.organization.addAccount(
      { accountId: required(args, 'accountId'), parent: args['parent'] },
      operator,
    ),
  ),
  'organization remove-account': command({ accountId }, async (deployment, args, operator) => {
    await deployment.organization.removeAccount({ accountId: required(args, 'accountId') }, operator)
    return {}
  }),
  'organization move': command(
    { accountId, parent: { ...place, required: true } },
    (deployment, args, operator) =>
      deployment.organization.move(
        { accountId: required(args, 'accountId'), parent: required(args, 'parent') },
        operator,
      ),
  ),
  'organization create-unit': command(
    { name: { ...name, required: true }, parent: place },
    (deployment, args, operator) =>
      deployment.organization.createUnit({ name: required(args, 'name'), parent: args['parent'] }, operator),
  ),
  'organization delete-unit': command(
    { unit: { ...place, required: true } },
    async (deployment, args, operator) => {
      await deployment.organization.deleteUnit({ unit: required(args, 'unit') }, operator)
      return {}
    },
  ),
  'policy create': command(
    {
      type: { ...type, required: true },
      name: { ...name, required: true },
      document: { ...document, required: true },
      description,
    },
    (deployment, args, operator) =>
      deployment.organizationPolicies.create(
        {
          type: typeIn(args) ?? 'service-control',
          name: required(args, 'name'),
          document: required(args, 'document'),
          description: args['description'],
        },
        operator,
      ),
  ),
  'policy update': command({ policyId, name, document, description }, (deployment, args, operator) =>
    deployment.organizationPolicies.update(
      {
        policyId: required(args, 'policyId'),
        name: args['name'],
        document: args['document'],
        description: args['description'],
      },
      operator,
    ),
  ),
  'policy delete': command({ policyId }, async (deployment, args, operator) => {
    await deployment.organizationPolicies.delete({ policyId: required(args, 'policyId') }, operator)
    return {}
  }),
  'policy attach': command({ policyId, target }, async (deployment, args, operator) => {
    const attachment = { policyId: required(args, 'policyId'), target: required(args, 'target') }
    await deployment.organizationPolicies.attach(attachment, operator)
    return {}
  }),
  'policy detach': command({ policyId, target }, async (deployment, args, operator) => {
    const attachment = { policyId: required(args, 'policyId'), target: required(args, 'target') }
    await deployment.organizationPolicies.detach(attachment, operator)
    return {}
  }),
  'policy list': command({ type }, (deployment, args) =>
    deployment.organizationPolicies.list({ type: typeIn(args) }),
  ),
  'policy show': command({ policyId }, (deployment, args) =>
    deployment.organizationPolicies.show({ policyId: required(args, 'policyId') }),
  ),
} as const

function typeIn(args: Arguments): ControlPolicyType | undefined {
  return types.find((each) => each === args['type'])
}
