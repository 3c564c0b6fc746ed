/** Operations of OpenAPI 2.0 as 3.0 writes them: a body of its own, a schema in each parameter, styles for collections. */
import { follow, listOf, type Node, type OpenApiDocument, objectOf } from './document.ts'

/** `schemes`, `host` and `basePath` as servers. */
export function serversOf({ root, version }: OpenApiDocument): unknown {
  if (version !== '2.0') return root.servers
  const { host, basePath, schemes } = root
  const path = typeof basePath === 'string' ? basePath : '/'
  if (typeof host !== 'string') return [{ url: path }]
  const known = listOf(schemes).filter(scheme => scheme === 'https' || scheme === 'http')
  return (known.length === 0 ? ['https'] : known).map(scheme => ({ url: `${scheme}://${host}${path}` }))
}

/** The operation with 3.0's `requestBody` and parameters; one of 3.0 or later stays as it is. */
export function upgradeOperation(document: OpenApiDocument, operation: Node, parameters: readonly Node[]) {
  if (document.version !== '2.0') return { parameters, requestBody: operation.requestBody }
  const consumes = listOf(operation.consumes ?? document.root.consumes).filter(type => typeof type === 'string')
  const fields = parameters.filter(parameter => parameter.in === 'formData')
  const body = parameters.find(parameter => parameter.in === 'body')
  return {
    parameters: parameters.filter(({ in: place }) => place !== 'body' && place !== 'formData').map(upgradeParameter),
    requestBody: body === undefined ? formOf(document, fields, consumes) : bodyOf(body, consumes),
  }
}

function bodyOf({ schema, required, description }: Node, consumes: readonly string[]): Node {
  const types = consumes.length === 0 ? ['application/json'] : consumes
  return { required, description, content: Object.fromEntries(types.map(type => [type, { schema }])) }
}

function formOf(document: OpenApiDocument, fields: readonly Node[], consumes: readonly string[]): Node | undefined {
  if (fields.length === 0) return undefined
  const named = fields.map(field => [String(field.name), upgradeParameter(field)] as const)
  const hasFile = fields.some(({ type }) => type === 'file')
  const isMultipart =
    hasFile || (consumes.includes('multipart/form-data') && !consumes.includes('application/x-www-form-urlencoded'))
  const schema = {
    type: 'object',
    properties: Object.fromEntries(
      named.map(([name, { schema: own, description }]) => [name, { ...objectOf(follow(document, own)), description }]),
    ),
    required: named.filter(([, { required }]) => required === true).map(([name]) => name),
    additionalProperties: false,
  }
  const encoding = Object.fromEntries(named.map(([name, { style, explode }]) => [name, { style, explode }]))
  const type = isMultipart ? 'multipart/form-data' : 'application/x-www-form-urlencoded'
  return { required: schema.required.length > 0, content: { [type]: { schema, encoding } } }
}

const styles: Readonly<Record<string, Node>> = {
  csv: { style: 'form', explode: false },
  ssv: { style: 'spaceDelimited', explode: false },
  tsv: { style: 'tabDelimited', explode: false },
  pipes: { style: 'pipeDelimited', explode: false },
  multi: { style: 'form', explode: true },
}

/** What is no list has no style, whatever is said of it. */
function upgradeParameter(parameter: Node): Node {
  const { name, in: place, required, description, collectionFormat, schema: given, ...own } = parameter
  const schema = given ?? own
  const inPath = place === 'path' || place === 'header'
  const style = inPath ? { style: 'simple' } : styles[String(collectionFormat ?? 'csv')]
  const example = parameter['x-example']
  return {
    name,
    in: place,
    required,
    description,
    schema,
    ...(example === undefined ? {} : { example }),
    ...(objectOf(schema).type === 'array' ? style : {}),
  }
}
