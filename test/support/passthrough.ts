/** The passthrough operations that tests send, with every argument as a variable. */
const parameters = `$connectionId: ID, $integration: String, $endUserId: String, $path: String!, $query: JSONObject,
  $headers: JSONObject, $body: JSON, $options: PassthroughOptions`
const args = `connectionId: $connectionId, integration: $integration, endUserId: $endUserId, method: $method, path: $path,
  query: $query, headers: $headers, body: $body, options: $options`
const fields = `status ok headers { name value } contentType body text base64 sizeBytes attempts durationMs
  connection { id }`

export const readQuery = `query Read($method: HttpMethod! = GET, ${parameters}) { passthrough(${args}) { ${fields} } }`
export const writeMutation = `mutation Write($method: HttpMethod!, ${parameters}) { passthrough(${args}) { ${fields} } }`
