/** Why the store cannot be opened: one sentence for the operator, without a password in it. */
import { join } from 'node:path'
import { StartError } from '../errors.ts'
import { driverError } from './failure.ts'

/** What the driver made of the connection string. */
export interface PostgresTarget {
  readonly host: readonly string[]
  readonly port: readonly number[]
  readonly database?: unknown
  readonly user?: unknown
  readonly pass?: unknown
}

export function explainPostgres(error: unknown, target: PostgresTarget): StartError {
  if (error instanceof StartError) return error
  const { code = 'unknown', message } = driverError(error)
  const server = target.host.map((host, index) => `${host}:${target.port[index]}`).join(', ')
  const words = { server, code, user: String(target.user), database: String(target.database) }
  return new StartError(explainState(words) ?? explainSocket(words) ?? explainOther(words, message, target.pass))
}

/** @param log what the embedded server wrote to its standard error, oldest first */
export function explainEmbedded(error: unknown, dataDir: string, log: readonly string[]): StartError {
  if (error instanceof StartError) return error
  const lastWords = readLastWords(log)
  const code = findSystemCode(error, lastWords)
  const remedy = code === undefined ? undefined : remedies[code]
  if (remedy !== undefined)
    return new StartError(
      `The data directory ${dataDir} ${remedy} (${code}); set PASSGATE_DATA_DIR to another one or mend this one.`,
    )
  const reason = lastWords ?? driverError(error).message
  return new StartError(
    `The store in ${join(dataDir, 'store')} cannot be opened (${reason}); restore it from a backup, or move it away to start with an empty one.`,
  )
}

interface Words {
  readonly server: string
  readonly code: string
  readonly user: string
  readonly database: string
}

function explainState({ server, code, user, database }: Words): string | undefined {
  switch (code) {
    case '28P01':
    case '28000':
      return `DATABASE_URL's user "${user}" is refused by ${server} (${code}); correct the user or the password.`
    case '3D000':
      return `DATABASE_URL names the database "${database}", which ${server} does not have (${code}); create it or correct the name.`
    case '42501':
      return `DATABASE_URL's user "${user}" may not create tables and the extensions pg_trgm and btree_gin in "${database}" at ${server} (${code}); grant CREATE on the database and its public schema.`
    case '0A000':
    case '58P01':
      return `The server ${server} of DATABASE_URL lacks the extension pg_trgm or btree_gin (${code}); install PostgreSQL's contrib package there.`
    case '55P03':
      return `Another process has been migrating "${database}" at ${server} for 5 minutes (${code}); wait for it or stop it.`
    case '53300':
      return `The server ${server} of DATABASE_URL has no connection left (${code}); raise its max_connections or stop other clients.`
    case '53100':
      return `The server ${server} of DATABASE_URL has no disk space left (${code}); free some there.`
    case '57P03':
      return `The server ${server} of DATABASE_URL is starting up or shutting down (${code}); try again shortly.`
    default:
      return undefined
  }
}

/** Node's and the driver's own codes are words, the server's are SQLSTATEs. */
function explainSocket({ server, code }: Words): string | undefined {
  if (!/^[A-Z_]{5,}$/.test(code)) return undefined
  return `DATABASE_URL names ${server}, where no PostgreSQL answers (${code}); start it or correct the address.`
}

function explainOther({ server, code }: Words, message: string, password: unknown): string {
  const told = typeof password === 'string' && password !== '' ? message.replaceAll(password, '[redacted]') : message
  return `DATABASE_URL's database at ${server} cannot be opened (${code}): ${told}`
}

const remedies: Record<string, string> = {
  ENOENT: 'cannot be made',
  ENOSPC: 'has no space left',
  EDQUOT: 'is over its disk quota',
  EACCES: 'cannot be read and written by this user',
  EPERM: 'cannot be read and written by this user',
  EROFS: 'is on a read-only file system',
  EEXIST: 'is not a directory',
  ENOTDIR: 'is not a directory',
}

/** PGlite reports a failed file operation by the WASI number of its errno. */
const wasiCodes: Record<number, string> = {
  2: 'EACCES',
  19: 'EDQUOT',
  51: 'ENOSPC',
  54: 'ENOTDIR',
  63: 'EPERM',
  69: 'EROFS',
}

function findSystemCode(error: unknown, lastWords = ''): string | undefined {
  if (lastWords.includes('No space left on device')) return 'ENOSPC'
  if (lastWords.includes('Permission denied')) return 'EACCES'
  if (typeof error !== 'object' || error === null) return undefined
  const { code } = driverError(error)
  if (code === '53100') return 'ENOSPC'
  if (code !== undefined) return code
  return 'errno' in error ? wasiCodes[Number(error.errno)] : undefined
}

function readLastWords(log: readonly string[]): string | undefined {
  return log.map(line => /(?:ERROR|FATAL|PANIC): {2}(.+)/.exec(line)?.[1]).findLast(words => words !== undefined)
}
