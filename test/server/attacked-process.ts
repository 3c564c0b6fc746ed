/** A process that is attacked and measures itself: its memory before and after, as one line of JSON. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createEvents } from '../../src/events.ts'
import { Memory } from '../../src/gateway/memory.ts'
import type { GraphQLServices } from '../../src/graphql/context.ts'
import { createLogger } from '../../src/log.ts'
import { createGraphQLMount } from '../../src/server/graphql.ts'
import { attacks } from './attack-documents.ts'

const rounds = 12
const services = {
  // A caller who is known may send long bodies.
  callers: { authenticate: async () => ({ workspaceId: 'w', id: 'k', scopes: [] }) },
  failedAttempts: { guard: (_address: unknown, run: () => unknown) => run() },
  gateway: { memory: new Memory() },
} as unknown as GraphQLServices
const events = createEvents(createLogger({ level: 'silent' }))
const mount = createGraphQLMount({ services, events, corsOrigins: [], readAddress: () => undefined })
const server = createServer((request, response) => void mount(request, response, 'req_1'))
await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`

async function attackOnce(round: number): Promise<void> {
  for (const { body } of attacks) {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer known' },
      body: body(round),
    })
    await response.arrayBuffer()
  }
}

async function measureBytes(): Promise<number> {
  for (let turn = 0; turn < 4; turn += 1) {
    global.gc?.()
    await new Promise(resolve => setImmediate(resolve))
  }
  const { heapUsed, external, arrayBuffers } = process.memoryUsage()
  return heapUsed + external + arrayBuffers
}

for (let round = 0; round < 4; round += 1) await attackOnce(round)
const before = await measureBytes()
for (let round = 4; round < 4 + rounds; round += 1) await attackOnce(round)
const after = await measureBytes()
process.stdout.write(
  `${JSON.stringify({ hasGc: global.gc !== undefined, before, after, sent: rounds * attacks.length })}\n`,
)
server.closeAllConnections()
server.close()
