import { describe, expect, test } from 'vitest'
import { createClient } from './client.ts'

const ada = { firstName: 'Ada', lastName: 'Byron', email: 'ada@byron.example' }

describe('the list of contacts', () => {
  test('comes in cursor pages that hold every contact once, the same at every start', async () => {
    const ids: string[] = []
    await using sandbox = await createClient()
    let cursor: string | null = ''
    while (cursor !== null) {
      const { body } = await sandbox.send(`/v1/contacts?limit=25${cursor && `&cursor=${cursor}`}`)
      ids.push(...body.data.map((contact: { id: string }) => contact.id))
      expect(body.hasMore).toBe(body.nextCursor !== null)
      cursor = body.nextCursor
    }
    expect(ids).toHaveLength(60)
    expect(new Set(ids).size).toBe(60)
    expect([ids[0], ids[59]]).toEqual(['con_0001', 'con_0060'])
    await using again = await createClient()
    expect((await again.send('/v1/contacts?limit=100')).text).toBe((await sandbox.send('/v1/contacts?limit=100')).text)
  })

  test('keeps its pages right while contacts go', async () => {
    await using sandbox = await createClient()
    const first = await sandbox.send('/v1/contacts?limit=2')
    await sandbox.send('/v1/contacts/con_0002', { method: 'DELETE' })
    const second = await sandbox.send(`/v1/contacts?limit=2&cursor=${first.body.nextCursor}`)
    expect(second.body.data.map((contact: { id: string }) => contact.id)).toEqual(['con_0003', 'con_0004'])
  })

  test('is filtered by company and by any of several tags', async () => {
    await using sandbox = await createClient()
    const ofCompany = await sandbox.send('/v1/contacts?company=com_0003')
    expect(ofCompany.body.data.map((contact: { id: string }) => contact.id)).toEqual([
      'con_0003',
      'con_0028',
      'con_0053',
    ])
    const count = async (query: string) => (await sandbox.send(`/v1/contacts?limit=100&${query}`)).body.data.length
    const vip = await count('tag=vip')
    const both = await count('tag=vip&tag=partner')
    expect(vip).toBeGreaterThan(0)
    expect(both).toBeGreaterThan(vip)
    expect(both).toBeLessThan(60)
    expect(await count('tag=nobody')).toBe(0)
  })

  test.each([
    ['limit=0', { limit: 'must be a whole number from 1 to 100' }],
    ['limit=x', { limit: 'must be a whole number from 1 to 100' }],
    ['cursor=x', { cursor: 'must be a nextCursor of this list' }],
  ])('refuses ?%s', async (query, fields) => {
    await using sandbox = await createClient()
    const { status, body } = await sandbox.send(`/v1/contacts?${query}`)
    expect(status).toBe(422)
    expect(body).toEqual({ error: { type: 'validation_failed', message: 'Some values are not valid.', fields } })
  })
})

describe('one contact', () => {
  test('is created, read, changed, replaced and deleted', async () => {
    await using sandbox = await createClient()
    const created = await sandbox.json('/v1/contacts', 'POST', { ...ada, tags: ['vip'], phone: '1' })
    expect(created.status).toBe(201)
    expect(created.headers.get('location')).toBe('/v1/contacts/con_0061')
    expect(created.body).toMatchObject({
      id: 'con_0061',
      ...ada,
      tags: ['vip'],
      phone: '1',
      title: null,
      companyId: null,
    })
    const url = '/v1/contacts/con_0061'
    expect((await sandbox.send(url)).body).toEqual(created.body)
    const patched = await sandbox.json(url, 'PATCH', { title: 'Countess' })
    expect(patched).toMatchObject({ status: 200, body: { ...ada, title: 'Countess', tags: ['vip'], phone: '1' } })
    const replaced = await sandbox.json(url, 'PUT', { ...ada, lastName: 'Lovelace' })
    expect(replaced.body).toMatchObject({ id: 'con_0061', lastName: 'Lovelace', title: null, tags: [], phone: null })
    expect(replaced.body.createdAt).toBe(created.body.createdAt)
    expect(await sandbox.send(url, { method: 'DELETE' })).toMatchObject({ status: 204, text: '' })
    expect((await sandbox.send(url)).body).toEqual({
      error: { type: 'not_found', message: 'There is no contact "con_0061".' },
    })
    expect((await sandbox.json('/v1/contacts', 'POST', ada)).body.id).toBe('con_0062')
  })

  test.each(['GET', 'PATCH', 'PUT', 'DELETE'])('%s of none is 404', async method => {
    await using sandbox = await createClient()
    const { status, body } = await sandbox.send('/v1/contacts/con_9999', { method })
    expect([status, body.error.type]).toEqual([404, 'not_found'])
  })

  test('has an entity tag: 304 when it is known, 412 when another is expected', async () => {
    await using sandbox = await createClient()
    const url = '/v1/contacts/con_0001'
    const tag = (await sandbox.send(url)).headers.get('etag') ?? ''
    expect(tag).toMatch(/^"[\w-]{22}"$/)
    for (const known of [tag, `W/${tag}`, `"x", ${tag}`, '*']) {
      const answer = await sandbox.send(url, { headers: { 'if-none-match': known } })
      expect(answer).toMatchObject({ status: 304, text: '' })
      expect(answer.headers.get('etag')).toBe(tag)
    }
    expect((await sandbox.send(url, { headers: { 'if-none-match': '"other"' } })).status).toBe(200)
    const changed = await sandbox.json(url, 'PATCH', { title: 'New' }, { 'if-match': tag })
    expect(changed.status).toBe(200)
    expect(changed.headers.get('etag')).not.toBe(tag)
    const late = await sandbox.json(url, 'PATCH', { title: 'Newer' }, { 'if-match': tag })
    expect([late.status, late.body.error.type]).toEqual([412, 'precondition_failed'])
  })

  test('with wrong fields is refused, each field named', async () => {
    await using sandbox = await createClient()
    const wrong = { firstName: '', email: 'nobody', tags: ['a', 1], colour: 'red' }
    const { status, body } = await sandbox.json('/v1/contacts', 'POST', wrong)
    expect(status).toBe(422)
    expect(Object.keys(body.error.fields).sort()).toEqual(['colour', 'email', 'firstName', 'lastName', 'tags.1'])
    expect(body.error.fields.colour).toBe('is not a field of a contact')
    const nowhere = await sandbox.json('/v1/contacts', 'POST', { ...ada, companyId: 'com_9' })
    expect([nowhere.status, nowhere.body.error.fields]).toEqual([422, { companyId: 'is not the id of a company' }])
    expect((await sandbox.json('/v1/contacts/con_0001', 'PATCH', [])).body.error.fields).toHaveProperty('body')
  })

  test('with another’s email is a conflict, with its own is not', async () => {
    await using sandbox = await createClient()
    const { email } = (await sandbox.send('/v1/contacts/con_0002')).body
    const { status, body } = await sandbox.json('/v1/contacts', 'POST', { ...ada, email: email.toUpperCase() })
    expect([status, body.error]).toEqual([409, { type: 'duplicate', message: 'con_0002 already has this email.' }])
    expect((await sandbox.json('/v1/contacts/con_0002', 'PATCH', { email })).status).toBe(200)
  })

  test('takes JSON only, and only valid JSON of at most 1 MiB', async () => {
    await using sandbox = await createClient()
    const send = async (type: string, body: string) => {
      const answer = await sandbox.send('/v1/contacts', { method: 'POST', body, headers: { 'content-type': type } })
      return [answer.status, answer.body.error.type]
    }
    expect(await send('text/plain', '{}')).toEqual([415, 'unsupported_media_type'])
    expect(await send('application/json', '{')).toEqual([400, 'malformed_json'])
    expect(await send('application/json; charset=utf-8', '{}')).toEqual([422, 'validation_failed'])
    expect(await send('application/json', 'x'.repeat(1024 * 1024 + 1))).toEqual([413, 'too_large'])
  })

  test('number 1001 is refused until another is deleted', async () => {
    await using sandbox = await createClient()
    const create = (number: number) => sandbox.json('/v1/contacts', 'POST', { ...ada, email: `a${number}@b.example` })
    for (let number = 0; number < 1000; number += 50) {
      await Promise.all(Array.from({ length: 50 }, (_, index) => create(number + index)))
    }
    const refused = await create(1000)
    expect([refused.status, refused.body.error.type]).toEqual([507, 'limit_reached'])
    await sandbox.send('/v1/contacts/con_0001', { method: 'DELETE' })
    expect((await create(1000)).status).toBe(201)
  })
})
