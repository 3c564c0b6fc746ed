/** `/v1/contacts`: cursor pages, and one contact created, read, changed, replaced and deleted, with entity tags. */
import { createHash } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { readInteger, readJson, readQuery } from './parameters.ts'
import { type Contact, type ContactFields, formatId, type Records } from './records.ts'
import { type FieldProblems, invalid, notFound, VendorError } from './refusal.ts'

const maxCreated = 1000

type OneContact = FastifyRequest<{ Params: { id: string } }>

export function addContacts(app: FastifyInstance, records: Records): void {
  const seeded = records.contacts.size
  let lastNumber = seeded

  const listed = 'Contacts by cursor: ?limit= (1–100), ?cursor=, ?company=, ?tag=a&tag=b (any of them).'
  app.get('/v1/contacts', { config: { about: listed } }, request => listContacts(records, readQuery(request)))

  app.post(
    '/v1/contacts',
    { config: { about: 'Creates a contact: firstName, lastName and email are required.' } },
    (request, reply) => {
      const fields = parseFields(contactSchema, readJson(request), records)
      if (records.contacts.size >= seeded + maxCreated) {
        throw new VendorError(
          507,
          'limit_reached',
          `The sandbox keeps at most ${maxCreated} contacts more than it started with.`,
        )
      }
      lastNumber += 1
      const now = new Date().toISOString()
      const contact = { id: formatId('con', lastNumber), ...fields, createdAt: now, updatedAt: now }
      records.contacts.set(contact.id, contact)
      reply.header('location', `/v1/contacts/${contact.id}`)
      return sendContact(reply.code(201), contact)
    },
  )

  const read = 'One contact; answers 304 to a matching If-None-Match.'
  app.get('/v1/contacts/:id', { config: { about: read } }, (request: OneContact, reply) => {
    const contact = findContact(records, request)
    const known = request.headers['if-none-match']
    if (known !== undefined && hasTag(known, contact))
      return reply.code(304).header('etag', computeEntityTag(contact)).send()
    return sendContact(reply, contact)
  })

  app.patch(
    '/v1/contacts/:id',
    { config: { about: 'Changes the fields that are sent.' } },
    (request: OneContact, reply) => {
      const contact = findContact(records, request)
      return change(reply, contact, parseFields(changeSchema, readJson(request), records, contact.id))
    },
  )

  app.put(
    '/v1/contacts/:id',
    { config: { about: 'Replaces all fields; the id stays.' } },
    (request: OneContact, reply) => {
      const contact = findContact(records, request)
      return change(reply, contact, parseFields(contactSchema, readJson(request), records, contact.id))
    },
  )

  app.delete('/v1/contacts/:id', { config: { about: 'Deletes a contact.' } }, (request: OneContact, reply) => {
    records.contacts.delete(findContact(records, request).id)
    return reply.code(204).send()
  })

  function change(reply: FastifyReply, contact: Contact, fields: Partial<ContactFields>): FastifyReply {
    const changed = { ...contact, ...fields, updatedAt: new Date().toISOString() }
    records.contacts.set(contact.id, changed)
    return sendContact(reply, changed)
  }
}

const text = z.string().trim().min(1).max(200)
const required = { firstName: text, lastName: text, email: z.email().max(320) }
const phone = z.string().max(50).nullable()
const title = z.string().max(200).nullable()
const companyId = z.string().max(50).nullable()
const tags = z.array(z.string().min(1).max(50)).max(20)
const contactSchema = z.strictObject({
  ...required,
  phone: phone.default(null),
  title: title.default(null),
  companyId: companyId.default(null),
  tags: tags.default([]),
})
/** Without the defaults: an absent field keeps its value. */
const changeSchema = z.strictObject({ ...required, phone, title, companyId, tags }).partial()

/** @throws {VendorError} 422 with a problem per field, 409 when another contact has the address */
function parseFields<T extends z.ZodType<Partial<ContactFields>>>(
  schema: T,
  document: unknown,
  records: Records,
  ownId?: string,
): z.output<T> {
  const parsed = schema.safeParse(document)
  if (!parsed.success) throw invalid(describeIssues(parsed.error))
  const { companyId, email } = parsed.data
  if (typeof companyId === 'string' && !records.companies.some(company => company.id === companyId)) {
    throw invalid({ companyId: 'is not the id of a company' })
  }
  for (const contact of records.contacts.values()) {
    if (contact.id === ownId || contact.email.toLowerCase() !== email?.toLowerCase()) continue
    throw new VendorError(409, 'duplicate', `${contact.id} already has this email.`)
  }
  return parsed.data
}

function describeIssues(error: z.ZodError): FieldProblems {
  const entries = error.issues.flatMap(issue => {
    if (issue.code === 'unrecognized_keys') return issue.keys.map(key => [key, 'is not a field of a contact'])
    return [[issue.path.join('.') || 'body', issue.message]]
  })
  return Object.fromEntries(entries)
}

interface ContactPage {
  readonly data: readonly Contact[]
  readonly nextCursor: string | null
  readonly hasMore: boolean
}

/** A cursor holds the last id, so pages stay right while contacts come and go. */
function listContacts(records: Records, query: URLSearchParams): ContactPage {
  const limit = readInteger(query, 'limit', { min: 1, max: 100, fallback: 20 })
  const after = readCursor(query.get('cursor'))
  const company = query.get('company')
  const tags = query.getAll('tag')
  const matching = [...records.contacts.values()].filter(
    contact =>
      readNumber(contact.id) > after &&
      (company === null || contact.companyId === company) &&
      (tags.length === 0 || tags.some(tag => contact.tags.includes(tag))),
  )
  const data = matching.slice(0, limit)
  const hasMore = matching.length > limit
  const last = data.at(-1)
  return { data, nextCursor: hasMore && last ? Buffer.from(last.id).toString('base64url') : null, hasMore }
}

function readCursor(cursor: string | null): number {
  if (cursor === null) return 0
  const id = Buffer.from(cursor, 'base64url').toString()
  if (/^con_\d{4,6}$/.test(id)) return readNumber(id)
  throw invalid({ cursor: 'must be a nextCursor of this list' })
}

function readNumber(id: string): number {
  return Number(id.slice('con_'.length))
}

/** @throws {VendorError} 404, or 412 when If-Match names another state */
function findContact(records: Records, request: OneContact): Contact {
  const contact = records.contacts.get(request.params.id)
  if (contact === undefined) throw notFound(`contact ${JSON.stringify(request.params.id)}`)
  const expected = request.headers['if-match']
  if (expected === undefined || hasTag(expected, contact)) return contact
  throw new VendorError(412, 'precondition_failed', 'The contact has changed since that entity tag.')
}

function sendContact(reply: FastifyReply, contact: Contact): FastifyReply {
  return reply.header('etag', computeEntityTag(contact)).send(contact)
}

function computeEntityTag(contact: Contact): string {
  return `"${createHash('sha256').update(JSON.stringify(contact)).digest('base64url').slice(0, 22)}"`
}

/** `*`, or a list of tags; a weak tag counts as its strong one (RFC 9110, 8.8.3.2). */
function hasTag(header: string, contact: Contact): boolean {
  return header
    .split(',')
    .some(item => item.trim() === '*' || item.trim().replace(/^W\//, '') === computeEntityTag(contact))
}
