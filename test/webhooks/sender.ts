/** A process that sends webhooks until it is killed: `node sender.ts <database url> <data directory>`. */
import { openDatabase } from '../../src/store/database.ts'
import { createDispatcher } from './fixtures.ts'

const [url, dataDir = ''] = process.argv.slice(2)
const database = await openDatabase({ url, dataDir })
const { dispatcher } = createDispatcher(database.db, { everyMs: 100, leaseMs: 600_000 })
dispatcher.wake()
