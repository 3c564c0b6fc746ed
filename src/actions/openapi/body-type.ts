/** Which content type the body of an operation is sent as: of several the one that fields can be written into best. */
import { isHeaderValue } from '../../auth/header-names.ts'
import { isJsonType, parseMediaType } from '../../passthrough/media-type.ts'
import { follow, followTo, type Node, type OpenApiDocument, objectOf } from './document.ts'

export interface BodyType {
  /** What the document says of it. */
  readonly mediaType: Node
  /** One that can be sent. */
  readonly contentType: string
  /** The range that the document has in its place: `image/*`. */
  readonly range: string | undefined
}

const json = 'application/json'
const bytes = 'application/octet-stream'

/**
 * JSON before forms, forms before texts, texts before bytes; undefined for a body without any type.
 * @throws {Error} when none of them can be sent
 */
export function chooseType(document: OpenApiDocument, content: Node): BodyType | undefined {
  const types = Object.entries(content).map(([key, item]): BodyType & { rank: number } => {
    const mediaType = followTo(document, item, 'body')
    const contentType = concreteType(key, objectOf(follow(document, mediaType.schema)))
    const isRange = contentType !== key
    const rank = rankOf(parseMediaType(contentType).essence) + (isRange ? 0.5 : 0)
    return { mediaType, contentType, range: isRange ? parseMediaType(key).essence : undefined, rank }
  })
  const sendable = types.filter(({ contentType }) => isHeaderValue(contentType))
  if (types.length > 0 && sendable.length === 0) throw new Error('its body has no content type that a header can hold')
  return sendable.sort((a, b) => a.rank - b.rank)[0]
}

/** True for a body that is written from fields. */
export function isStructured(essence: string): boolean {
  return rankOf(essence) < 4
}

export function isText(essence: string): boolean {
  return rankOf(essence) === 4
}

export function isFileForm(essence: string): boolean {
  return essence === 'multipart/form-data'
}

function rankOf(essence: string): number {
  if (essence === json) return 0
  if (isJsonType(essence)) return 1
  if (essence === 'application/x-www-form-urlencoded') return 2
  if (isFileForm(essence)) return 3
  return essence.startsWith('text/') || essence.endsWith('xml') ? 4 : 5
}

/** A range says what is taken, not what is sent: that is what its schema looks like. */
function concreteType(key: string, schema: Node): string {
  const { essence } = parseMediaType(key)
  if (!essence.endsWith('/*')) return key
  if (essence === '*/*') return isBinary(schema) ? bytes : json
  if (essence === 'application/*') return hasMembers(schema) ? json : bytes
  return essence === 'text/*' ? 'text/plain' : bytes
}

function isBinary({ type, format }: Node): boolean {
  return type === 'file' || format === 'binary'
}

function hasMembers(schema: Node): boolean {
  const types = [schema.type].flat()
  if (types.includes('object') || types.includes('array')) return true
  return ['properties', 'items', 'allOf', 'anyOf', 'oneOf'].some(name => schema[name] !== undefined)
}
