/**
 * Operations with uploads: the GraphQL multipart request specification
 * (https://github.com/jaydenseric/graphql-multipart-request-spec), with exact digits, and with files only where a variable
 * has a null for them.
 */
import { GraphQLError } from 'graphql'
import { parseExactJson } from '../passthrough/exact-json.ts'

/** What a form gives, whoever implements it. */
export interface MultipartForm {
  get(name: string): unknown
}

const maxPlaces = 100

/** @throws {GraphQLError} naming the part of the form that is wrong */
export async function parseMultipart(form: MultipartForm): Promise<Record<string, unknown>> {
  const operation = readJson(form, 'operations')
  if (!isRecord(operation)) throw wrong('operations takes one operation as a JSON object; batches are not supported.')
  const map = form.get('map') === null ? {} : readJson(form, 'map')
  if (!isRecord(map)) throw wrong('map takes a JSON object from parts of the form to lists of variables.')
  for (const [part, places] of Object.entries(map)) {
    if (!Array.isArray(places) || places.length > maxPlaces || !places.every(place => typeof place === 'string')) {
      throw wrong(`map.${part} takes a list of at most ${maxPlaces} variables such as "variables.body.file".`)
    }
    const file = await readFile(form.get(part))
    if (file === undefined) throw wrong(`map names the part "${part}", which is no file of the form.`)
    for (const place of places) putFile(operation, place, file)
  }
  return operation
}

function readJson(form: MultipartForm, name: string): unknown {
  const text = form.get(name)
  if (typeof text !== 'string') throw wrong(`The form takes a part "${name}" with JSON text.`)
  try {
    return parseExactJson(text)
  } catch {
    throw wrong(`The part "${name}" is no JSON.`)
  }
}

/** As the platform's own File, whatever the form was read with. */
async function readFile(value: unknown): Promise<File | undefined> {
  if (typeof value !== 'object' || value === null || !('arrayBuffer' in value) || !('name' in value)) return undefined
  const { name, type, arrayBuffer } = value as File
  return new File([await arrayBuffer.call(value)], name, { type })
}

/** Only through what the operation has of its own, and only onto a null: no file replaces anything. */
function putFile(operation: Record<string, unknown>, place: string, file: File): void {
  const names = place.split('.')
  const last = names.pop() ?? ''
  let holder: unknown = operation
  for (const name of names) holder = isHolder(holder) && Object.hasOwn(holder, name) ? holder[name] : undefined
  if (names[0] !== 'variables' || !isHolder(holder) || !Object.hasOwn(holder, last) || holder[last] !== null) {
    throw wrong(`map names "${place}", which is no variable with the value null.`)
  }
  holder[last] = file
}

function isHolder(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !(value instanceof Blob)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return isHolder(value) && !Array.isArray(value)
}

/** `spec: false`: a body that never became a request is 400 to every client. */
function wrong(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { http: { status: 400 }, originalError: new Error(message) } })
}
