/** From an action and its input to a request: each field is written where the action says, and nowhere else. */
import { invalidInput } from '../errors.ts'
import type { ArrayFormat } from '../passthrough/connection.ts'
import type { PassthroughInput } from '../passthrough/request.ts'
import type { Action, ActionDefinition, ActionInput, ActionParameter } from './action.ts'
import { buildBody } from './build-body.ts'
import { type DeepArrays, type Piece, plainText, type StyledParameter, writePairs, writeSegment } from './styles.ts'

export interface BuiltRequest {
  readonly request: Omit<PassthroughInput, 'mode'>
  /** What the core calls a part of the request, and the field of the input that it was made of. */
  readonly origins: ReadonlyMap<string, string>
}

interface Sources {
  readonly parameters: readonly ActionParameter[]
  readonly input: ActionInput
  readonly origins: Map<string, string>
  readonly arrays: DeepArrays
}

/**
 * @param input known to fit the action's schema
 * @param arrayFormat as the integration writes lists
 * @throws {GatewayError} INVALID_INPUT for a path parameter that has nothing to write
 */
export function buildRequest(
  action: Pick<Action, 'method' | 'path'>,
  definition: ActionDefinition,
  input: ActionInput,
  arrayFormat: ArrayFormat,
): BuiltRequest {
  const origins = new Map<string, string>()
  const arrays = arrayFormat === 'brackets' ? 'brackets' : 'indices'
  const sources: Sources = { parameters: definition.parameters, input, origins, arrays }
  const mark = action.path.indexOf('?')
  const { path, pathParams } = fillPath(mark === -1 ? action.path : action.path.slice(0, mark), sources)
  const written = mark === -1 ? '' : fillQuery(action.path.slice(mark + 1), sources)
  const text = [written, ...writeQuery(sources)].filter(part => part !== '').join('&')
  const { headers: bodyHeaders, body, bodyFormat } = buildBody(definition, input, arrays, origins)
  return {
    request: {
      method: action.method,
      path: text === '' ? path : `${path}?${text}`,
      query: nativeQuery(sources),
      // An input that says what its body is says it last.
      headers: { ...bodyHeaders, ...writeHeaders(sources) },
      body,
      options: { pathParams, ...(bodyFormat === undefined ? {} : { bodyFormat }) },
    },
    origins,
  }
}

/** Each value becomes a placeholder of its own, so that the core's rule for path parameters is the only one. */
function fillPath(template: string, sources: Sources): { path: string; pathParams: Record<string, string> } {
  const pathParams: Record<string, string> = {}
  let count = 0
  const path = template.replace(/\{([^{}]*)\}/g, (_, name: string) => {
    const { field, pieces } = segmentOf(name, sources)
    return pieces
      .map(piece => {
        if ('text' in piece) return piece.text
        const key = `p${count++}`
        pathParams[key] = piece.value
        sources.origins.set(`options.pathParams.${key}`, field)
        return `{${key}}`
      })
      .join('')
  })
  return { path, pathParams }
}

/** Some documents tell operations apart by a query in the path, which may have placeholders too. */
function fillQuery(template: string, sources: Sources): string {
  return template.replace(/\{([^{}]*)\}/g, (_, name: string) =>
    encodePieces(segmentOf(name, sources).pieces, encodeURIComponent),
  )
}

function segmentOf(name: string, { parameters, input }: Sources): { field: string; pieces: Piece[] } {
  const parameter = parameters.find(candidate => candidate.in === 'path' && candidate.name === name)
  if (parameter === undefined) throw new TypeError(`the path's {${name}} is no parameter of its action`)
  const field = `input.${parameter.field ?? name}`
  const value = valueIn(parameter, input)
  const pieces = parameter.isJson ? [{ value: plainText(value) }] : writeSegment(styled(parameter, 'simple'), value)
  if (pieces.length > 0) return { field, pieces }
  throw invalidInput(field, `${field} is empty; the path would mean another place without it.`)
}

function writeQuery(sources: Sources): string[] {
  return valuesIn('query', sources)
    .filter(([parameter]) => !isNative(parameter))
    .flatMap(([parameter, value]) => {
      const encode = parameter.allowReserved ? encodeKeepingReserved : encodeURIComponent
      return pairsOf(parameter, value, sources).map(
        ([name, pieces]) => `${encodeURIComponent(name)}=${encodePieces(pieces, encode)}`,
      )
    })
}

/** For parameters that are written as the integration's entry says. */
function nativeQuery(sources: Sources): Record<string, unknown> | undefined {
  const native = valuesIn('query', sources).filter(([parameter]) => isNative(parameter))
  for (const [{ name, field }] of native) sources.origins.set(`query.${name}`, `input.${field ?? name}`)
  return native.length === 0 ? undefined : Object.fromEntries(native.map(([{ name }, value]) => [name, value]))
}

function writeHeaders(sources: Sources): Record<string, string> {
  const headers: [string, string][] = valuesIn('header', sources).map(([parameter, value]) => {
    const pieces = parameter.isJson ? [{ value: plainText(value) }] : writeSegment(styled(parameter, 'simple'), value)
    sources.origins.set(`headers.${parameter.name.toLowerCase()}`, `input.${parameter.field ?? parameter.name}`)
    return [parameter.name, encodePieces(pieces, text => text)]
  })
  const cookies = valuesIn('cookie', sources).flatMap(([parameter, value]) =>
    pairsOf(parameter, value, sources).map(([name, pieces]) => `${name}=${encodePieces(pieces, encodeURIComponent)}`),
  )
  return Object.fromEntries(cookies.length === 0 ? headers : [...headers, ['cookie', cookies.join('; ')]])
}

function pairsOf(parameter: ActionParameter, value: unknown, { arrays }: Sources) {
  if (parameter.isJson) return [[parameter.name, [{ value: JSON.stringify(value) }]] as const]
  return writePairs(styled(parameter, 'form'), value, arrays)
}

function valuesIn(place: ActionParameter['in'], { parameters, input }: Sources): [ActionParameter, unknown][] {
  return parameters
    .filter(parameter => parameter.in === place)
    .map((parameter): [ActionParameter, unknown] => [parameter, valueIn(parameter, input)])
    .filter(([, value]) => value !== undefined && value !== null)
}

function valueIn({ field, value }: ActionParameter, input: ActionInput): unknown {
  if (field === undefined) return value
  return Object.hasOwn(input, field) ? input[field] : undefined
}

function isNative({ style, isJson }: ActionParameter): boolean {
  return style === undefined && isJson !== true
}

/** Without a word on exploding, `form` does and all other styles do not (OpenAPI 3.1 §4.8.12.2). */
function styled({ name, style, explode }: ActionParameter, usual: 'simple' | 'form'): StyledParameter {
  const chosen = style ?? usual
  return { name, style: chosen, explode: explode ?? (chosen === 'form' || chosen === 'deepObject') }
}

function encodePieces(pieces: readonly Piece[], encode: (value: string) => string): string {
  return pieces.map(piece => ('text' in piece ? piece.text : encode(piece.value))).join('')
}

/** What has a meaning in a query is encoded all the same: a value stays one value. */
function encodeKeepingReserved(value: string): string {
  return encodeURIComponent(value).replace(/%(?:3A|2F|3F|40|24|2C)/g, decodeURIComponent)
}
