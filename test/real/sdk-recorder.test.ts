/** The recorder itself: what the tests of the client libraries lean on finds a key however it is spelt. */
import { expect, test } from 'vitest'
import { createRecorder, expectAccount, findLeaks } from '../support/recorder.ts'
import { createUpstream } from '../support/upstream.ts'

const key = 'pgk_0123456789abcdefghijklmnopqrstuvwxyz'
const base64 = (text: string) => Buffer.from(text).toString('base64')

test.each([
  ['in a header', { headers: { 'x-token': `token ${key}` } }, ''],
  ['in the URL', {}, `?access_token=${key}`],
  ['in the body', { method: 'POST', body: `{"token":"${key}"}` }, ''],
  ['as the user of Basic', { headers: { authorization: `Basic ${base64(`${key}:`)}` } }, ''],
  ['as the password of Basic', { headers: { authorization: `Basic ${base64(`u:${key}`)}` } }, ''],
  ['as the password of a longer user', { headers: { authorization: `Basic ${base64(`git:${key}`)}` } }, ''],
  ['after two bytes', { headers: { authorization: `Basic ${base64(`x:${key}`)}` } }, ''],
])('a key %s is found', async (_, init, query) => {
  await using vendor = await createUpstream()
  await using recorder = await createRecorder(vendor.url)
  expect((await fetch(`${recorder.url}/a${query}`, init)).status).toBe(200)
  expect(findLeaks(recorder.seen, ['another key that is not there', key])).toHaveLength(1)
  expect(findLeaks(recorder.seen, ['another key that is not there'])).toEqual([])
})

test('what is handed on is what came, and the vendor is called by the recorder’s name', async () => {
  await using vendor = await createUpstream()
  await using recorder = await createRecorder(vendor.url)
  const response = await fetch(`${recorder.url}/a%2Fb?c=d`, { method: 'PUT', body: 'é', headers: { 'x-a': 'b' } })
  expect(await response.json()).toMatchObject({
    method: 'PUT',
    url: '/a%2Fb?c=d',
    body: 'é',
    headers: { host: recorder.host, 'x-a': 'b' },
  })
  expect(recorder.seen.map(({ method, url, text }) => [method, url, text])).toEqual([['PUT', '/a%2Fb?c=d', 'é']])
})

test('another account, or nobody at all, fails the test', async () => {
  await using vendor = await createUpstream()
  const seen = vendor.seen
  expect(() => expectAccount(seen, { authorization: 'Bearer a' }, [key])).toThrow()
  await fetch(vendor.url, { headers: { authorization: 'Bearer b' } })
  expect(() => expectAccount(seen, { authorization: 'Bearer a' }, [key])).toThrow()
  expectAccount(seen, { authorization: 'Bearer b' }, [key])
})
