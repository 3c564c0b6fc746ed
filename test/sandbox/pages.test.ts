import { expect, test } from 'vitest'
import { createClient } from './client.ts'

function parseLinks(header: string | null): Record<string, string> {
  const links = [...(header ?? '').matchAll(/<([^>]+)>; rel="(\w+)"/g)]
  return Object.fromEntries(links.map(([, url, relation]) => [relation, url]))
}

test('companies: Link leads from the first page to the last and back, with absolute URLs to the sandbox', async () => {
  await using sandbox = await createClient()
  const ids: string[] = []
  let path: string | undefined = '/v1/companies?per_page=10&x=1'
  let last: Record<string, string> = {}
  while (path !== undefined) {
    const { headers, body } = await sandbox.send(path)
    ids.push(...body.map((company: { id: string }) => company.id))
    expect(headers.get('x-total-count')).toBe('25')
    last = parseLinks(headers.get('link'))
    for (const url of Object.values(last)) expect(url).toMatch(new RegExp(`^${sandbox.url}/v1/companies\\?.*x=1`))
    path = last.next?.slice(sandbox.url.length)
  }
  expect(ids).toHaveLength(25)
  expect(new Set(ids).size).toBe(25)
  expect(Object.keys(last).sort()).toEqual(['first', 'last', 'prev'])
  expect(new URL(last.prev ?? '').searchParams.get('page')).toBe('2')
})

test('companies: beyond the last page is an empty one that leads back, and wrong numbers are refused', async () => {
  await using sandbox = await createClient()
  const beyond = await sandbox.send('/v1/companies?page=9&per_page=10')
  expect(beyond.body).toEqual([])
  expect(new URL(parseLinks(beyond.headers.get('link')).prev ?? '').searchParams.get('page')).toBe('3')
  const { status, body } = await sandbox.send('/v1/companies?per_page=101')
  expect([status, body.error.fields]).toEqual([422, { per_page: 'must be a whole number from 1 to 100' }])
})

test('deals: offset and limit with a total, filtered by stage', async () => {
  await using sandbox = await createClient()
  const ids: string[] = []
  for (let offset = 0; offset < 45; offset += 15) {
    const { body } = await sandbox.send(`/v1/deals?offset=${offset}&limit=15`)
    expect(body).toMatchObject({ offset, limit: 15, total: 40 })
    ids.push(...body.data.map((deal: { id: string }) => deal.id))
  }
  expect(new Set(ids).size).toBe(40)
  const { body } = await sandbox.send('/v1/deals?stage=won&limit=100')
  expect(body.total).toBe(body.data.length)
  expect(body.total).toBeGreaterThan(0)
  expect(new Set(body.data.map((deal: { stage: string }) => deal.stage))).toEqual(new Set(['won']))
})

test('records lead to each other: a deal’s company and contact exist, and the contact works there', async () => {
  await using sandbox = await createClient()
  const { body } = await sandbox.send('/v1/deals?limit=100')
  for (const { id, companyId, contactId } of body.data) {
    const [deal, company, contact] = await Promise.all(
      [`/v1/deals/${id}`, `/v1/companies/${companyId}`, `/v1/contacts/${contactId}`].map(path => sandbox.send(path)),
    )
    expect([deal?.status, company?.status, contact?.status]).toEqual([200, 200, 200])
    expect(contact?.body.companyId).toBe(companyId)
    expect(contact?.body.email).toMatch(/^[a-z]+\.[a-z]+@[a-z]+\.example$/)
    expect(deal?.body.title).toContain(company?.body.name)
  }
})

test('one company or deal that is none is 404', async () => {
  await using sandbox = await createClient()
  expect((await sandbox.send('/v1/companies/com_x')).body.error.message).toBe('There is no company "com_x".')
  expect((await sandbox.send('/v1/deals/x')).body).toEqual({
    error: { type: 'not_found', message: 'There is no deal "x".' },
  })
})
