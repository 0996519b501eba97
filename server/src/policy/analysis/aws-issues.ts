import { error, security, suggestion, warning } from './issue.ts'

/**
 * AWS's issue codes with their type and text.
 *
 * @see AWS IAM User Guide, "IAM policy validation check reference" (2026)
 */
export const awsIssues = {
  ARN_REGION_NOT_ALLOWED: error(
    'The service <service> does not support specifying a Region in the resource ARN.',
  ),
  DATA_TYPE_MISMATCH: error('The text does not match the expected JSON data type <data_type>.'),
  DUPLICATE_KEYS_WITH_DIFFERENT_CASE: error(
    'The condition key <key> appears more than once with different capitalization in the same condition block. Remove the duplicate condition keys.',
  ),
  EMPTY_VARIABLE: error(
    'Empty policy variable. Remove the ${ } variable structure or provide a variable within the structure.',
  ),
  FEDERATED_PRINCIPAL_NOT_SUPPORTED: error(
    'The policy type does not support a federated identity provider in the principal element. Use a supported principal.',
  ),
  INVALID_ACTION: error('The action <action> does not exist.<hint>'),
  INVALID_ARN_ACCOUNT: error(
    'The resource ARN account ID <account> is not valid. Provide a 12-digit account ID.',
  ),
  INVALID_ARN_PREFIX: error('Add the required prefix (arn) to the resource ARN.'),
  INVALID_ARN_REGION: error(
    'The Region <region> is not valid for this resource. Update the resource ARN to include a supported Region.',
  ),
  INVALID_ARN_RESOURCE: error(
    'Resource ARN does not match the expected ARN format. Update the resource portion of the ARN.',
  ),
  INVALID_ARN_SERVICE_CASE: error(
    'Update the service name <service> in the resource ARN to use all lowercase letters.',
  ),
  INVALID_CONDITION_DATA_TYPE: error(
    'The condition value data types do not match. Use condition values of the same JSON data type.',
  ),
  INVALID_CONDITION_KEY_FORMAT: error(
    'The condition key format is not valid. Use the format service:keyname.',
  ),
  INVALID_CONDITION_MULTIPLE_BOOLEAN: error(
    'The condition key does not support multiple Boolean values. Use a single Boolean value.',
  ),
  INVALID_CONDITION_OPERATOR: error(
    'The condition operator <operator> is not valid. Use a valid condition operator.',
  ),
  INVALID_EFFECT: error('The effect <effect> is not valid. Use Allow or Deny.'),
  INVALID_FEDERATED_PRINCIPAL_SYNTAX_IN_ROLE_TRUST_POLICY: error(
    'The principal value specifies a federated principal that does not match the expected format. Update the federated principal to a domain name or a SAML metadata ARN.',
  ),
  INVALID_GLOBAL_CONDITION_KEY: error('The condition key <key> does not exist. Use a valid condition key.'),
  INVALID_PARTITION: error(
    'The resource ARN for the service <service> does not support the partition <partition>. Use the supported values: <partitions>',
  ),
  INVALID_POLICY_ELEMENT: error('The policy element <element> is not valid.'),
  INVALID_PRINCIPAL_FORMAT: error(
    'The Principal element contents are not valid. Specify a key-value pair in the Principal element.',
  ),
  INVALID_PRINCIPAL_KEY: error('The principal key <principal-key> is not valid.'),
  INVALID_REGION: error(
    'The Region <region> is not valid. Update the condition value to a supported Region.',
  ),
  INVALID_SERVICE_CONDITION_KEY: error(
    'The condition key <key> does not exist in the service <service>. Use a valid condition key.',
  ),
  INVALID_SERVICE_IN_ACTION: error(
    'The service <service> specified in the action does not exist. Did you mean <service2>?',
  ),
  INVALID_SERVICE_PRINCIPAL_FORMAT: error(
    'The service principal does not match the expected format. Use the format <expectedFormat>.',
  ),
  INVALID_VARIABLE_FOR_OPERATOR: error('Policy variables can only be used with String and ARN operators.'),
  INVALID_VERSION: error('The version <version> is not valid. Use one of the following versions: <versions>'),
  INVALID_VPC_FORMAT: error(
    "The VPC identifier in the condition key value is not valid. Use the prefix 'vpc-' followed by 8 or 17 alphanumeric characters.",
  ),
  INVALID_VPCE_FORMAT: error(
    "The VPCE identifier in the condition key value is not valid.  Use the prefix 'vpce-' followed by 8 or 17 alphanumeric characters.",
  ),
  JSON_SYNTAX_ERROR: error('Fix the JSON syntax error at index <index> line <line> column <column>.'),
  MISMATCHED_ACTION_FOR_PRINCIPAL: error(
    'The <actionName> action is invalid with the following principal(s): <principalNames>. Use a SAML provider principal with the sts:AssumeRoleWithSAML action or use an OIDC provider principal with the sts:AssumeRoleWithWebIdentity action. Ensure the provider is Federated if you use either of the two options.',
  ),
  MISSING_ACTION: error('Add an Action or NotAction element to the policy statement.'),
  MISSING_ACTION_FOR_CONDITION_KEY: error(
    'The <actionName> action must be in the action block to allow setting values for the condition key <keyName>. Add <actionName> to the action block.',
  ),
  MISSING_ACTION_FOR_ROLES_ANYWHERE_TRUST_POLICY: error(
    'The rolesanywhere.amazonaws.com service principal requires the sts:AssumeRole, sts:SetSourceIdentity, and sts:TagSession permissions to assume a role. Add the missing permissions to the policy.',
  ),
  MISSING_ARN_ACCOUNT: error(
    'The resource <resourceName> in the arn is missing an account id. Please provide a 12 digit account id.',
  ),
  MISSING_ARN_FIELD: error(
    'Resource ARNs must include at least <fields> fields in the following structure: arn:partition:service:region:account:resource',
  ),
  MISSING_ARN_REGION: error('Add a Region to the <service> resource ARN.'),
  MISSING_BRACE_IN_VARIABLE: error(
    'The policy variable is missing a closing curly brace. Add } after the variable text.',
  ),
  MISSING_EFFECT: error('Add an Effect element to the policy statement with a value of Allow or Deny.'),
  MISSING_PRINCIPAL: error('Add a Principal element to the policy statement.'),
  MISSING_QUALIFIER: error(
    'The request context key <key> has multiple values. Use the ForAllValues or ForAnyValue condition key qualifiers in your policy.',
  ),
  MISSING_QUOTE_IN_VARIABLE: error(
    'The policy variable default value must begin and end with a single quote. Add the missing quote.',
  ),
  MISSING_RESOURCE: error('Add a Resource or NotResource element to the policy statement.'),
  MISSING_STATEMENT: error('Add a statement to the policy'),
  MISSING_TAG_KEY_IN_CONDITION: error(
    'The condition key <conditionKeyName> must include a tag key to control access based on tags. Use the format <conditionKeyName>tag-key and specify a key name for tag-key.',
  ),
  NULL_WITH_IF_EXISTS: error(
    'The Null condition operator cannot be used with the IfExists suffix. Update the operator or the suffix.',
  ),
  POLICY_SIZE_EXCEEDS_RCP_QUOTA: error(
    'The <policySize> characters in the resource control policy (RCP) exceed the <policySizeQuota> character maximum for RCPs. We recommend that you use multiple granular policies.',
  ),
  POLICY_SIZE_EXCEEDS_SCP_QUOTA: error(
    'The <policySize> characters in the service control policy (SCP) exceed the <policySizeQuota> character maximum for SCPs. We recommend that you use multiple granular policies.',
  ),
  RCP_SYNTAX_ERROR_ACTION: error(
    'RCPs only support specifying select service prefixes in the Action element. Learn more here.',
  ),
  RCP_SYNTAX_ERROR_ALLOW: error(
    'RCPs only support specifying all principals ("*") in the Principal element, all resources ("*") in the Resource element, and no Condition element with an effect of Allow.',
  ),
  RCP_SYNTAX_ERROR_NOTACTION: error(
    'RCPs do not support the NotAction element. Update to use the Action element.',
  ),
  RCP_SYNTAX_ERROR_PRINCIPAL: error(
    'The Principal element contents are not valid. RCPs only support specifying all principals ("*") in the Principal element. The NotPrincipal element is not supported for RCPs.',
  ),
  ROLE_TRUST_POLICY_SYNTAX_ERROR_NOTPRINCIPAL: error(
    'Role trust policies do not support NotPrincipal. Update the policy to use a Principal element instead.',
  ),
  ROLE_TRUST_POLICY_SYNTAX_ERROR_RESOURCE: error(
    'Role trust policies apply to the role that they are attached to. You cannot specify a resource. Remove the Resource or NotResource element.',
  ),
  ROLE_TRUST_POLICY_UNSUPPORTED_WILDCARD_IN_PRINCIPAL: error(
    '"Principal:" "*" is not supported in the principal element of a role trust policy. Replace the wildcard with a valid principal value.',
  ),
  SCP_SYNTAX_ERROR_PRINCIPAL: error(
    'SCPs do not support specifying principals. Remove the Principal or NotPrincipal element.',
  ),
  TYPE_MISMATCH_IP_RANGE: error(
    'The condition operator <operator> is used with an invalid IP range value. Specify the IP range in standard CIDR format.',
  ),
  UNIQUE_SIDS_REQUIRED: error(
    'Duplicate statement IDs are not supported for this policy type. Update the Sid value.',
  ),
  UNSUPPORTED_ACTION_FOR_CONDITION_KEY: error(
    'The following actions: <actions> are not supported by the condition key <key>. The condition will not be evaluated for these actions. We recommend that you move these actions to a different statement without this condition key.',
  ),
  UNSUPPORTED_ACTION_IN_POLICY: error(
    'The action <action> is not supported for the resource-based policy attached to the resource type <resourceType>.',
  ),
  UNSUPPORTED_CONDITION_KEY_FOR_SERVICE_PRINCIPAL: error(
    'The following condition keys are not supported when used with the service principal: <conditionKeys>.',
  ),
  UNSUPPORTED_ELEMENT_COMBINATION: error(
    'The policy elements <element1> and <element2> can not be used in the same statement. Remove one of these elements.',
  ),
  UNSUPPORTED_GLOBAL_CONDITION_KEY: error(
    'The condition key aws:ARN is not supported. Use aws:PrincipalArn or aws:SourceArn instead.',
  ),
  UNSUPPORTED_PRINCIPAL: error(
    'The policy type <policy_type> does not support the Principal element. Remove the Principal element.',
  ),
  UNSUPPORTED_RESOURCE_ARN_IN_POLICY: error(
    'The resource ARN is not supported for the resource-based policy attached to the resource type <resourceType>.',
  ),
  UNSUPPORTED_SID: error(
    'Update the characters in the Sid element to use one of the following character types: [a-z, A-Z, 0-9]',
  ),
  UNSUPPORTED_SPACE_IN_VARIABLE: error(
    'A space is not supported within the policy variable text. Remove the space.',
  ),
  UNSUPPORTED_WILDCARD_IN_PRINCIPAL: error(
    'Wildcards (*, ?) are not supported with the principal key <principal_key>. Replace the wildcard with a valid principal value.',
  ),
  VARIABLE_UNSUPPORTED_IN_ELEMENT: error(
    'Policy variables are supported in the Resource and Condition elements. Remove the policy variable <variable> from this element.',
  ),
  VARIABLE_UNSUPPORTED_IN_VERSION: error(
    'To include variables in your policy, use the policy version 2012-10-17 or later.',
  ),
  VARIABLE_USAGE_TOO_PERMISSIVE: error(
    'The policy variable is not allowed in the condition key <key>. We consider the key to be sensitive and policy variables can be evaluated as effective wildcards. Therefore policy variables are not allowed to be used with sensitive keys. Refer to https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html for the list of sensitive keys.',
  ),
  WILDCARD_USAGE_TOO_PERMISSIVE: error(
    'The wildcard is not allowed in the condition key <key>. We consider the key to be sensitive and wildcards are not allowed to be used with sensitive keys. Refer to https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html for the list of sensitive keys.',
  ),

  ALLOW_WITH_NOT_PRINCIPAL: security(
    'Using Allow with NotPrincipal can be overly permissive. We recommend that you use Principal instead.',
  ),
  FORALLVALUES_WITH_SINGLE_VALUED_KEY: security(
    'Using ForAllValues qualifier with the single-valued condition key <key> can be overly permissive. We recommend that you remove ForAllValues:.',
  ),
  FORANYVALUE_WITH_AUDIENCE_CLAIM_TYPE: security(
    'Using ForAnyValue qualifier with the single-valued condition key <key> can be overly permissive. We recommend that you remove ForAnyValue:.',
  ),
  MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL: security(
    'Using an Open ID Connect principal without a condition can be overly permissive. Add condition keys with a prefix that matches your federated OIDC principals to ensure that only the intended identity provider assumes the role.',
  ),
  MISSING_GITHUB_REPO_CONDITION_KEY: security(
    'Granting a federated GitHub principal permissions without a condition key can allow more sources to assume the role than you intended. Add the token.actions.githubusercontent.com:sub condition key and specify the branch and repository name in the value.',
  ),
  MISSING_PAIRED_CONDITION_KEYS: security(
    'Using the condition key <conditionKeyName> can be overly permissive without also using the following condition keys: <recommendedKeys>. Condition keys like this one are more secure when paired with a related key. We recommend that you add the related condition keys to the same condition block.',
  ),
  PASS_ROLE_WITH_NOT_ACTION_AND_NOT_RESOURCE: security(
    'Using NotAction with NotResource can be overly permissive because it can allow iam:PassRole permissions on multiple resources.. We recommend that you specify resource ARNs instead.',
  ),
  PASS_ROLE_WITH_NOT_RESOURCE: security(
    'Using the iam:PassRole action with NotResource can be overly permissive because it can allow iam:PassRole permissions on multiple resources. We recommend that you specify resource ARNs instead.',
  ),
  PASS_ROLE_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE: security(
    'Using an action with a wildcard (*) and NotResource can be overly permissive because it can allow iam:PassRole permissions on multiple resources. We recommend that you specify resource ARNs instead.',
  ),
  PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE: security(
    'Using wildcards (*) in the action and the resource can be overly permissive because it allows iam:PassRole permissions on all resources. We recommend that you specify resource ARNs or add the iam:PassedToService condition key to your statement.',
  ),
  PASS_ROLE_WITH_STAR_IN_RESOURCE: security(
    'Using the iam:PassRole action with wildcards (*) in the resource can be overly permissive because it allows iam:PassRole permissions on multiple resources. We recommend that you specify resource ARNs or add the iam:PassedToService condition key to your statement.',
  ),
  PASS_ROLE_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION: security(
    'Using a resource with wildcards (*) and NotAction can be overly permissive because it allows iam:PassRole permissions on all resources. We recommend that you specify resource ARNs or add the iam:PassedToService condition key to your statement.',
  ),
  RESTRICT_ACCESS_TO_SERVICE_PRINCIPAL: security(
    'Granting access to a service principal without specifying a source is overly permissive. Use aws:SourceArn, aws:SourceAccount, aws:SourceOrgID, or aws:SourceOrgPaths condition key to grant fine-grained access.',
  ),
  STRING_LIKE_OPERATOR_WITH_ARN_CONDITION_KEYS: security(
    'Use the operator type <allowed> instead of operator <operator> for the condition key <key>.',
  ),
  UNTRUSTWORTHY_CONDITION_KEY: security(
    'The <key> condition key is not recommended for access control as it can be spoofed/manipulated by the caller.',
  ),

  CREATE_SLR_WITH_NOT_ACTION_AND_NOT_RESOURCE: warning(
    'Using NotAction with NotResource can allow creation of unintended service-linked roles because it allows iam:CreateServiceLinkedRole permissions on multiple resources. We recommend that you specify resource ARNs instead.',
  ),
  CREATE_SLR_WITH_NOT_RESOURCE: warning(
    'Using the iam:CreateServiceLinkedRole action with NotResource can allow creation of unintended service-linked roles for multiple resources. We recommend that you specify resource ARNs instead.',
  ),
  CREATE_SLR_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE: warning(
    'Using an action with a wildcard(*) and NotResource can allow creation of unintended service-linked roles because it can allow iam:CreateServiceLinkedRole permissions on multiple resources. We recommend that you specify resource ARNs instead.',
  ),
  CREATE_SLR_WITH_STAR_IN_ACTION_AND_RESOURCE: warning(
    'Using wildcards (*) in the action and the resource can allow creation of unintended service-linked roles because it allows iam:CreateServiceLinkedRole permissions on all resources. We recommend that you specify resource ARNs instead.',
  ),
  CREATE_SLR_WITH_STAR_IN_RESOURCE: warning(
    'Using the iam:CreateServiceLinkedRole action with wildcards (*) in the resource can allow creation of unintended service-linked roles. We recommend that you specify resource ARNs instead.',
  ),
  CREATE_SLR_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION: warning(
    'Using a resource with wildcards (*) and NotAction can allow creation of unintended service-linked roles because it allows iam:CreateServiceLinkedRole permissions on all resources. We recommend that you specify resource ARNs instead.',
  ),
  INVALID_DATE_VALUE: warning(
    'The date <date> might not resolve as expected. We recommend that you use the YYYY-MM-DD format.',
  ),
  INVALID_ROLE_REFERENCE: warning(
    'The Principal element includes the IAM role ID <roleid>. We recommend that you use a role ARN instead.',
  ),
  INVALID_USER_REFERENCE: warning(
    'The Principal element includes the IAM user ID <userid>. We recommend that you use a user ARN instead.',
  ),
  MISSING_VERSION: warning(
    'We recommend that you specify the Version element to help you with debugging permission issues.',
  ),
  POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA: warning(
    'The <policySize> characters in the identity policy, excluding whitespace, exceed the <policySizeQuota> character maximum for inline and managed policies. We recommend that you use multiple granular policies.',
  ),
  POLICY_SIZE_EXCEEDS_RESOURCE_POLICY_QUOTA: warning(
    'The <policySize> characters in the resource policy exceed the <policySizeQuota> character maximum for resource policies. We recommend that you use multiple granular policies.',
  ),
  POLICY_SIZE_EXCEEDS_ROLE_TRUST_POLICY_QUOTA: warning(
    'The characters in the role trust policy, excluding whitespace, exceed the character maximum. We recommend that you request a role trust policy length quota increase using Service Quotas and AWS Support Center. If the quotas have already been increased, then you can ignore this warning.',
  ),
  RCP_MISSING_RELATED_PRINCIPAL_CONDITION_KEY: warning(
    'RCPs impact IAM roles, users, and AWS service principals. To prevent unintended impact to services acting on your behalf using a service principal, an additional statement should be added to the Condition block "BoolIfExists": { "aws:PrincipalIsAWSService": "false"} whenever a principal key <conditionKeyName> is used.',
  ),
  RCP_MISSING_RELATED_SERVICE_PRINCIPAL_CONDITION_KEY: warning(
    'RCPs impact IAM roles, users, and AWS service principals. To prevent unintended impact to your principals, an additional statement should be added to the Condition block "BoolIfExists": { "aws:PrincipalIsAWSService": "true"} whenever the key <conditionKeyName> is used.',
  ),
  RCP_MISSING_SERVICE_CONDITION_KEY_NULL_CHECK: warning(
    'The specified service may have a service integration that does not require the use of the <conditionKeyName> condition key. To prevent unintended impact to services acting on your behalf using a service principal, an additional statement should be added to the Condition block "Null": { "aws:SourceAccount": "false"} or "Null": { "aws:SourceArn": "false"} whenever the key <conditionKeyName> is used.',
  ),
  SPECIFIC_GITHUB_REPO_AND_BRANCH_RECOMMENDED: warning(
    'Using a wildcard (*) in token.actions.githubusercontent.com:sub can allow requests from more sources than you intended. Specify the value of token.actions.githubusercontent.com:sub with the repository and branch name. If the subject claim does not include the branch, specify it in a token.actions.githubusercontent.com:ref condition key.',
  ),
  TYPE_MISMATCH: warning(
    'Use the operator type <allowed> instead of operator <operator> for the condition key <key>.',
  ),
  TYPE_MISMATCH_BOOLEAN: warning(
    'Add a valid Boolean value (true or false) for the condition operator <operator>.',
  ),
  TYPE_MISMATCH_DATE: warning(
    'The date condition operator is used with an invalid value. Specify a valid date using YYYY-MM-DD or other ISO 8601 date/time format.',
  ),
  TYPE_MISMATCH_NUMBER: warning('Add a valid numeric value for the condition operator <operator>.'),
  TYPE_MISMATCH_STRING: warning(
    'Add a valid base64-encoded string value for the condition operator <operator>.',
  ),
  UNIQUE_SIDS_RECOMMENDED: warning(
    'We recommend that you use statement IDs that are unique to your policy. Update the Sid value.',
  ),
  USE_CONDITION_KEY_ONLY_WITH_SUPPORTED_SERVICES: warning(
    'The condition key <key> works only with specific AWS services and must be scoped to supported services in your policies.',
  ),
  WILDCARD_WITHOUT_LIKE_OPERATOR: warning(
    'Your condition value includes a * or ? character. If you meant to use a wildcard (*, ?), update the condition operator to include Like.',
  ),

  CONFIRM_AUDIENCE_CLAIM_TYPE: suggestion(
    'The "<key>" (<audienceType>) claim key identifies the recipients that the JSON web token is intended for. Because this claim is single-valued, do not use a qualifier.',
  ),
  EMPTY_ARRAY_ACTION: suggestion(
    'This statement includes no actions and does not affect the policy. Specify actions.',
  ),
  EMPTY_ARRAY_CONDITION: suggestion(
    'There are no values for the condition key <key> and it does not affect the policy. Specify conditions.',
  ),
  EMPTY_ARRAY_CONDITION_FORALLVALUES: suggestion(
    'The ForAllValues prefix with an empty condition key matches only if the key <key> is missing from the request context. To determine if the request context is empty, we recommend that you use the Null condition operator with the value of true instead.',
  ),
  EMPTY_ARRAY_CONDITION_FORANYVALUE: suggestion(
    'The ForAnyValue prefix with an empty condition key <key> never matches the request context and it does not affect the policy. Specify conditions.',
  ),
  EMPTY_ARRAY_CONDITION_IFEXISTS: suggestion(
    'The IfExists suffix with an empty condition key matches only if the key <key> is missing from the request context. To determine if the request context is empty, we recommend that you use the Null condition operator with the value of true instead.',
  ),
  EMPTY_ARRAY_PRINCIPAL: suggestion(
    'This statement includes no principals and does not affect the policy. Specify principals.',
  ),
  EMPTY_ARRAY_RESOURCE: suggestion(
    'This statement includes no resources and does not affect the policy. Specify resources.',
  ),
  EMPTY_OBJECT_CONDITION: suggestion(
    'This condition block is empty and it does not affect the policy. Specify conditions.',
  ),
  EMPTY_OBJECT_PRINCIPAL: suggestion(
    'This statement includes no principals and does not affect the policy. Specify principals.',
  ),
  EMPTY_SID_VALUE: suggestion('Add a value to the empty string in the Sid element.'),
  EQUIVALENT_TO_NULL_FALSE: suggestion(
    'We recommend replacing the key <key> in the condition block of <operator> with {<recommendedKey>: false} to ensure better enforcement of the condition.',
  ),
  EQUIVALENT_TO_NULL_TRUE: suggestion(
    'We recommend replacing the key <key> in the condition block of <operator> with {<recommendedKey>: true} to ensure better enforcement of the condition.',
  ),
  IMPROVE_IP_RANGE: suggestion(
    'The non-zero bits in the IP address after the masked bits are ignored. Replace address with <addr>.',
  ),
  NULL_WITH_QUALIFIER: suggestion(
    'Avoid using the Null condition operator with the ForAllValues or ForAnyValue qualifiers because they always return a true or false respectively.',
  ),
  RECOMMENDED_CONDITION_KEY_FOR_SERVICE_PRINCIPAL: suggestion(
    'To restrict access to the service principal <servicePrincipalPrefix> operating on your behalf, we recommend aws:SourceArn, aws:SourceAccount, aws:SourceOrgID, or aws:SourceOrgPaths instead of <key>.',
  ),
  REDUNDANT_ACTION: suggestion(
    'The <redundantActionCount> action(s) are redundant because they provide similar permissions. Update the policy to remove the redundant action such as: <redundantAction>.',
  ),
  REDUNDANT_CONDITION_VALUE_NUM: suggestion(
    'Multiple values in <operator> are redundant. Replace with the <extreme> single value for <key>.',
  ),
  REDUNDANT_KEY_DUE_TO_WILDCARD_IN_CONDITION: suggestion(
    'The key <key> in the condition block of <operator> is redundant because it is always matched. Remove this key to simplify the condition.',
  ),
  REDUNDANT_PRINCIPAL_IN_ROLE_TRUST_POLICY: suggestion(
    'The assumed-role principal <redundant_principal> is redundant with its parent role <parent_role>. Remove the assumed-role principal.',
  ),
  REDUNDANT_RESOURCE: suggestion(
    'The <redundantResourceCount> resource ARN(s) are redundant because they reference the same resource. Review the use of wildcards (*)',
  ),
  REDUNDANT_STATEMENT: suggestion(
    'The statements are redundant because they provide identical permissions. Update the policy to remove the redundant statement.',
  ),
  REDUNDANT_STATEMENT_DUE_TO_WILDCARD_IN_CONDITION: suggestion(
    'The key <key> in the condition block of <operator> does not match any values. Remove this key to simplify the condition.',
  ),
  WILDCARD_IN_SERVICE_NAME: suggestion(
    'Avoid using wildcards (*, ?) in the service name because it might grant unintended access to other AWS services with similar names.',
  ),
} as const
