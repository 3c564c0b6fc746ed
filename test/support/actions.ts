/** The operations about actions that tests send, with every argument as a variable. */
export const executeMutation = `mutation Execute(
  $connectionId: ID, $integration: String, $endUserId: String, $action: String!, $input: JSONObject, $idempotencyKey: String
) {
  executeAction(
    connectionId: $connectionId, integration: $integration, endUserId: $endUserId, action: $action, input: $input,
    idempotencyKey: $idempotencyKey
  ) {
    status httpStatus data result { status ok attempts contentType toCurl connection { id } }
  }
}`

export const actionQuery = `query Action($integration: String!, $name: String!) {
  integration(slug: $integration) {
    action(name: $name) {
      id name description method path deprecated document inputSchema
      parameters { name in type required description default enum example }
      example { input graphql curl }
    }
  }
}`

export const listQuery = `query Actions(
  $integration: String!, $first: Int, $after: String, $last: Int, $before: String, $search: String
) {
  integration(slug: $integration) {
    actions(first: $first, after: $after, last: $last, before: $before, search: $search) {
      nodes { id name document }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
}`

export const importMutation = `mutation Import($input: ImportOpenApiInput!) {
  importOpenApi(input: $input) {
    openApiImport {
      name title version sourceUrl sha256 taken skippedTotal skipped { method path operationId reason } warnings importedAt
    }
    integration { slug }
  }
}`

export const configureMutation =
  'mutation($input: ConfigureIntegrationInput!) { configureIntegration(input: $input) { integration { id } } }'
