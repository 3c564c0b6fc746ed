import { isUtf8 } from 'node:buffer'
import { get, type IncomingMessage } from 'node:http'
import { crc32, gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { sandboxApiKey } from '../../src/sandbox/sandbox.ts'
import { createClient } from './client.ts'

/** The answer as it is on the wire: nothing decoded, nothing joined. */
async function readRaw(url: string): Promise<{ message: IncomingMessage; chunks: Buffer[] }> {
  const message = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url, { headers: { 'x-api-key': sandboxApiKey } }, resolve).on('error', reject)
  })
  return { message, chunks: await message.toArray() }
}

describe('bytes', () => {
  test('/binary is the same at every request and no text', async () => {
    await using sandbox = await createClient()
    const { headers, bytes } = await sandbox.send('/binary')
    expect(headers.get('content-type')).toBe('application/octet-stream')
    expect(headers.get('content-length')).toBe('1024')
    expect(isUtf8(bytes)).toBe(false)
    expect([...bytes.subarray(0, 4)]).toEqual([255, 30, 61, 92])
    expect((await sandbox.send('/binary')).bytes.equals(bytes)).toBe(true)
    expect((await sandbox.send('/binary?bytes=0')).bytes).toHaveLength(0)
    expect((await sandbox.send('/binary?bytes=1048576')).bytes).toHaveLength(1_048_576)
    const { status, body } = await sandbox.send('/binary?bytes=1048577')
    expect([status, body.error.fields]).toEqual([422, { bytes: 'must be a whole number from 0 to 1048576' }])
  })

  test('/image is a PNG whose chunks have the right checksums', async () => {
    await using sandbox = await createClient()
    const { headers, bytes } = await sandbox.send('/image')
    expect(headers.get('content-type')).toBe('image/png')
    expect(bytes.subarray(0, 8).toString('latin1')).toBe('\x89PNG\r\n\x1a\n')
    const names: string[] = []
    for (let at = 8; at < bytes.length; ) {
      const end = at + 8 + bytes.readUInt32BE(at)
      expect(bytes.readUInt32BE(end)).toBe(crc32(bytes.subarray(at + 4, end)))
      names.push(bytes.toString('latin1', at + 4, at + 8))
      at = end + 4
    }
    expect(names).toEqual(['IHDR', 'IDAT', 'IEND'])
  })

  test('/gzip is compressed on the wire', async () => {
    await using sandbox = await createClient()
    const { message, chunks } = await readRaw(`${sandbox.url}/gzip`)
    expect(message.headers).toMatchObject({ 'content-encoding': 'gzip', 'content-type': 'application/json' })
    expect(JSON.parse(gunzipSync(Buffer.concat(chunks)).toString())).toMatchObject({ compressed: true })
    expect((await sandbox.send('/gzip')).body.companies).toHaveLength(25)
  })
})

describe('text', () => {
  test('/text is UTF-8 and /latin1 is not', async () => {
    await using sandbox = await createClient()
    const utf8 = await sandbox.send('/text')
    expect(utf8.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    expect(utf8.text).toBe('Zażółć gęślą jaźń. こんにちは, мир! 🛂\n')
    const latin1 = await sandbox.send('/latin1')
    expect(latin1.headers.get('content-type')).toBe('text/plain; charset=iso-8859-1')
    expect(isUtf8(latin1.bytes)).toBe(false)
    expect(latin1.bytes.toString('latin1')).toBe('Grüße aus Málaga, ½ heure à pied\n')
  })

  test('/xml and /csv hold the records', async () => {
    await using sandbox = await createClient()
    const xml = await sandbox.send('/xml')
    expect(xml.headers.get('content-type')).toBe('application/xml')
    expect(xml.text).toContain('<company id="com_0002"><name>Alder &amp; Finch</name></company>')
    expect(xml.text.match(/<company /g)).toHaveLength(25)
    const csv = await sandbox.send('/csv')
    expect(csv.headers.get('content-type')).toBe('text/csv; charset=utf-8')
    expect(csv.text.split('\r\n')).toHaveLength(42)
    expect(csv.text).toMatch(
      /^id,title,stage,amount,currency\r\ndeal_0001,"Brightwater Logistics: annual plan",qualified,1500,EUR\r\n/,
    )
  })

  test('/big-integers keeps every spelling, and is JSON', async () => {
    await using sandbox = await createClient()
    const { headers, text, body } = await sandbox.send('/big-integers')
    expect(headers.get('content-type')).toBe('application/json')
    for (const spelling of ['9007199254740993,', '18446744073709551615', '1.0,', '1E+2', '1e400', '-0,'])
      expect(text).toContain(spelling)
    expect(body.text).toBe('9007199254740993')
    expect(JSON.stringify(body)).not.toContain('"id":9007199254740993')
  })
})

test('/repeated-headers sends two lines of each', async () => {
  await using sandbox = await createClient()
  const { message } = await readRaw(`${sandbox.url}/repeated-headers`)
  expect(message.headersDistinct).toMatchObject({
    'x-trace': ['one', 'two'],
    'set-cookie': ['first=1; Path=/', 'second=2; Path=/; HttpOnly'],
  })
  expect(message.rawHeaders.filter(name => name.toLowerCase() === 'x-trace')).toHaveLength(2)
})

describe('pieces', () => {
  test('/stream sends chunked lines', async () => {
    await using sandbox = await createClient()
    const { message, chunks } = await readRaw(`${sandbox.url}/stream?lines=3`)
    expect(message.headers).toMatchObject({ 'transfer-encoding': 'chunked', 'content-type': 'application/x-ndjson' })
    expect(Buffer.concat(chunks).toString()).toBe('{"line":1,"of":3}\n{"line":2,"of":3}\n{"line":3,"of":3}\n')
    expect(chunks.length).toBeGreaterThan(1)
    expect((await sandbox.send('/stream?lines=1000&ms=0')).text.split('\n')).toHaveLength(1001)
  })

  test('/stream sends the first line before the last is due, and survives a client that leaves', async () => {
    await using sandbox = await createClient()
    const leaving = new AbortController()
    const headers = { 'x-api-key': sandboxApiKey }
    const response = await fetch(`${sandbox.url}/stream?lines=1000&ms=1000`, { headers, signal: leaving.signal })
    const first = await response.body?.getReader().read()
    expect(Buffer.from(first?.value ?? []).toString()).toBe('{"line":1,"of":1000}\n')
    leaving.abort()
    expect((await sandbox.send('/v1/me')).status).toBe(200)
  })

  test('/events sends a few events and ends', async () => {
    await using sandbox = await createClient()
    const { headers, text } = await sandbox.send('/events?ms=1')
    expect(headers.get('content-type')).toBe('text/event-stream')
    const events = text.split('\n\n').filter(event => event !== '')
    expect(events).toHaveLength(3)
    expect(events[0]).toBe('id: 1\nevent: contact.updated\ndata: {"id":"con_0001"}')
  })
})
