/** `/v1/deals`: pages by offset and limit, with the total. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { readInteger, readQuery } from './parameters.ts'
import type { Records } from './records.ts'
import { notFound } from './refusal.ts'

export function addDeals(app: FastifyInstance, { deals }: Records): void {
  const listed = 'Deals by offset: ?offset=, ?limit= (1–100), ?stage=; the answer has the total.'
  app.get('/v1/deals', { config: { about: listed } }, request => {
    const query = readQuery(request)
    const offset = readInteger(query, 'offset', { min: 0, max: 1_000_000, fallback: 0 })
    const limit = readInteger(query, 'limit', { min: 1, max: 100, fallback: 20 })
    const stage = query.get('stage')
    const matching = stage === null ? deals : deals.filter(deal => deal.stage === stage)
    return { data: matching.slice(offset, offset + limit), offset, limit, total: matching.length }
  })

  const read = 'One deal.'
  app.get('/v1/deals/:id', { config: { about: read } }, (request: FastifyRequest<{ Params: { id: string } }>) => {
    const deal = deals.find(candidate => candidate.id === request.params.id)
    if (deal === undefined) throw notFound(`deal ${JSON.stringify(request.params.id)}`)
    return deal
  })
}
