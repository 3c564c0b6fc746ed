/** The body of an action's request: the template filled with the input, written as the content type wants it. */
import type { BodyFormat } from '../passthrough/body.ts'
import { isJsonType, parseMediaType } from '../passthrough/media-type.ts'
import { isObject } from '../passthrough/scalar.ts'
import type { ActionBody, ActionDefinition, ActionInput, PropertyEncoding } from './action.ts'
import { type DeepArrays, type Pair, plainText, writePairs } from './styles.ts'

export interface BuiltBody {
  readonly headers: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly bodyFormat?: BodyFormat | undefined
}

const none: BuiltBody = { headers: {} }

export function buildBody(
  { body, parameters }: ActionDefinition,
  input: ActionInput,
  arrays: DeepArrays,
  origins: Map<string, string>,
): BuiltBody {
  if (body === undefined) return none
  const taken = new Set(parameters.flatMap(({ field }) => field ?? []))
  const given = Object.keys(input).filter(field => !taken.has(field))
  if (given.length === 0 && !body.required) return none
  const value = fillTemplate(body.template, input, taken)
  if (value === undefined) return none
  origins.set('body', body.template === '{*}' ? 'input' : 'input.body')
  return writeBody(body, value, arrays)
}

/** The fields that the template names one by one. */
export function fieldsOf(template: unknown): string[] {
  if (typeof template === 'string') {
    const field = fieldIn(template)
    return field === undefined || field === '*' ? [] : [field]
  }
  return typeof template === 'object' && template !== null ? Object.values(template).flatMap(fieldsOf) : []
}

/** True when the template has a place for fields that it does not name. */
export function hasPlaceForRest(template: unknown): boolean {
  if (typeof template === 'string') return template === '{*}'
  return typeof template === 'object' && template !== null && Object.values(template).some(hasPlaceForRest)
}

/** Only a whole text is a placeholder: nothing of the caller's is ever put inside another text. */
export function fieldIn(text: string): string | undefined {
  return /^\{([^{}]+)\}$/.exec(text)?.[1]
}

function fillTemplate(template: unknown, input: ActionInput, taken: ReadonlySet<string>): unknown {
  const named = new Set([...taken, ...fieldsOf(template)])
  const rest = Object.entries(input).filter(([field]) => !named.has(field))
  function fill(part: unknown): unknown {
    if (typeof part === 'string') {
      const field = fieldIn(part)
      if (field === undefined) return part
      if (field === '*') return Object.fromEntries(rest)
      return Object.hasOwn(input, field) ? input[field] : undefined
    }
    if (Array.isArray(part)) return part.map(fill).filter(item => item !== undefined)
    if (!isObject(part)) return part
    return Object.fromEntries(
      Object.entries(part)
        .map(([name, inner]) => [name, fill(inner)])
        .filter(([, value]) => value !== undefined),
    )
  }
  return fill(template)
}

function writeBody({ contentType, encoding }: ActionBody, value: unknown, arrays: DeepArrays): BuiltBody {
  const { essence } = parseMediaType(contentType)
  const headers = { 'content-type': contentType }
  if (isJsonType(essence)) return { headers, body: value, bodyFormat: 'JSON' }
  if (essence === 'application/x-www-form-urlencoded') return { headers, body: writeForm(value, encoding, arrays) }
  // The boundary is the core's to choose.
  if (essence === 'multipart/form-data') {
    return { headers: {}, body: writeParts(value, encoding), bodyFormat: 'MULTIPART' }
  }
  const isText = essence.startsWith('text/') || essence.endsWith('xml')
  return { headers, body: value, bodyFormat: isText ? 'TEXT' : 'BASE64' }
}

function writeForm(value: unknown, encoding: ActionBody['encoding'], arrays: DeepArrays): string {
  if (!isObject(value)) return encodeFormText(plainText(value))
  const pairs = Object.entries(value).flatMap(([name, item]) =>
    formPairs(name, item, encodingOf(encoding, name), arrays),
  )
  return pairs
    .map(([name, pieces]) => {
      const text = pieces.map(piece => ('text' in piece ? piece.text : encodeFormText(piece.value))).join('')
      return `${encodeFormText(name)}=${text.replaceAll('%20', '+')}`
    })
    .join('&')
}

/** Without a word on it a list is repeated and an object is JSON (OpenAPI 3.1.1 §4.8.15.1). */
function formPairs(name: string, value: unknown, encoding: PropertyEncoding | undefined, arrays: DeepArrays): Pair[] {
  const style = encoding?.style
  if (style === undefined && (isObject(value) || isJsonList(value, encoding)))
    return [[name, [{ value: JSON.stringify(value) }]]]
  const explode = encoding?.explode ?? (style === undefined || style === 'form' || style === 'deepObject')
  return writePairs({ name, style: style ?? 'form', explode }, value, arrays)
}

function isJsonList(value: unknown, encoding: PropertyEncoding | undefined): boolean {
  return Array.isArray(value) && isJsonType(parseMediaType(encoding?.contentType).essence)
}

function encodeFormText(text: string): string {
  return encodeURIComponent(text).replaceAll('%20', '+')
}

/** Files are what the schema calls so; a list is a part for each of its items. */
function writeParts(value: unknown, encoding: ActionBody['encoding']): unknown {
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => {
      const own = encodingOf(encoding, name)
      const write = (each: unknown) => (own?.isFile ? writeFile(name, each, own) : writePart(each, own))
      return [name, Array.isArray(item) ? item.map(write) : write(item)]
    }),
  )
}

function writeFile(name: string, item: unknown, { contentType }: PropertyEncoding): unknown {
  const type = contentType === undefined ? {} : { contentType }
  if (typeof item === 'string') return { filename: name, base64: item, ...type }
  return isObject(item) && !(item instanceof Blob) ? { ...type, ...item } : item
}

/** What has members is JSON, and anything else is text, unless the document says otherwise (OpenAPI 3.1.1 §4.8.15.1.1). */
function writePart(item: unknown, encoding: PropertyEncoding | undefined): unknown {
  if (item === null || item === undefined || item instanceof Blob) return item
  const hasMembers = isObject(item) || Array.isArray(item)
  const contentType = encoding?.contentType ?? (hasMembers ? 'application/json' : undefined)
  return contentType === undefined ? item : { contentType, text: plainText(item) }
}

function encodingOf(encoding: ActionBody['encoding'], name: string): PropertyEncoding | undefined {
  return encoding !== undefined && Object.hasOwn(encoding, name) ? encoding[name] : undefined
}
