/** `/v1/companies`: a bare array per page, and the other pages in an RFC 8288 `Link` header of absolute URLs. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { readInteger, readQuery } from './parameters.ts'
import type { Records } from './records.ts'
import { notFound } from './refusal.ts'

export function addCompanies(app: FastifyInstance, { companies }: Records): void {
  const listed = 'Companies by page: ?page=, ?per_page= (1–100); Link has first, prev, next and last.'
  app.get('/v1/companies', { config: { about: listed } }, (request, reply) => {
    const query = readQuery(request)
    const perPage = readInteger(query, 'per_page', { min: 1, max: 100, fallback: 10 })
    const page = readInteger(query, 'page', { min: 1, max: 1_000_000, fallback: 1 })
    const last = Math.max(1, Math.ceil(companies.length / perPage))
    const link = (relation: string, number: number) => {
      query.set('page', String(number))
      query.set('per_page', String(perPage))
      return `<${app.listeningOrigin}/v1/companies?${query}>; rel="${relation}"`
    }
    const links = [link('first', 1), link('last', last)]
    if (page > 1) links.push(link('prev', Math.min(page - 1, last)))
    if (page < last) links.push(link('next', page + 1))
    reply.header('link', links.join(', ')).header('x-total-count', companies.length)
    return companies.slice((page - 1) * perPage, page * perPage)
  })

  const read = 'One company.'
  app.get('/v1/companies/:id', { config: { about: read } }, (request: FastifyRequest<{ Params: { id: string } }>) => {
    const company = companies.find(candidate => candidate.id === request.params.id)
    if (company === undefined) throw notFound(`company ${JSON.stringify(request.params.id)}`)
    return company
  })
}
