/** A field of a multipart form may say its type, without becoming a file. */
import { expect, test } from 'vitest'
import { createCore, refusalOf } from '../support/passthrough-core.ts'

const core = createCore({ url: 'https://api.acme.example' })
const plan = (body: unknown) => core.plan({ method: 'POST', path: '/', body, options: { bodyFormat: 'MULTIPART' } })

test('arrives with its type and without a file name', async () => {
  const { body, headers } = await plan({
    meta: { contentType: 'application/json', text: '{"a":"ü\n"}' },
    list: [{ contentType: 'text/markdown', text: '# a' }, 'b'],
    plain: 'x\ny',
    file: { filename: 'f.txt', contentType: 'text/plain', text: 'z' },
  })
  const boundary = /boundary=(\S+)$/.exec(headers.find(([name]) => name === 'content-type')?.[1] ?? '')?.[1] ?? ''
  expect(boundary).toMatch(/^----passgate[0-9a-f]{32}$/)
  const part = (head: string, content: string) =>
    `--${boundary}\r\nContent-Disposition: form-data; ${head}\r\n\r\n${content}\r\n`
  expect(String(body)).toBe(
    part('name="meta"\r\nContent-Type: application/json', '{"a":"ü\n"}') +
      part('name="list"\r\nContent-Type: text/markdown', '# a') +
      part('name="list"', 'b') +
      part('name="plain"', 'x\r\ny') +
      part('name="file"; filename="f.txt"\r\nContent-Type: text/plain', 'z') +
      `--${boundary}--\r\n`,
  )
})

test('is a type and a text, and nothing else', async () => {
  for (const value of [{ text: 'x' }, { contentType: 'a/b' }, { contentType: 'a/b', text: 'x', url: 'y' }])
    expect((await refusalOf(plan({ a: value }))).message).toMatch(/^body\.a takes text, a number, /)
  expect((await refusalOf(plan({ a: { contentType: 'a/b\r\nx: y', text: 'x' } }))).message).toBe(
    'body.a.contentType takes a media type such as image/png.',
  )
})
