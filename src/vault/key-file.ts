/** The encryption keys of an embedded store: made at the first start, in a file that only its owner can read. */
import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { StartError } from '../errors.ts'
import type { EncryptionKey } from './key-ring.ts'

const fileName = 'encryption-keys'

/**
 * Reads `<dataDir>/encryption-keys`, or makes it with one random key (mode 0600, synced before it has its name).
 * @throws StartError when it cannot be read, written or understood
 */
export function readOrCreateKeyFile(dataDir: string): EncryptionKey[] {
  const file = join(dataDir, fileName)
  try {
    return parseKeyFile(readFileSync(file, 'utf8'), file)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error instanceof StartError ? error : unreadable(file, error)
  }
  try {
    createKeyFile(dataDir, file)
    return parseKeyFile(readFileSync(file, 'utf8'), file)
  } catch (error) {
    throw unreadable(file, error)
  }
}

/** Written under another name first: a crash half-way leaves no half key behind. */
function createKeyFile(dataDir: string, file: string): void {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const unfinished = `${file}.${process.pid}.new`
  const handle = openSync(unfinished, 'w', 0o600)
  try {
    writeSync(handle, `k1:${randomBytes(32).toString('base64')}\n`)
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
  try {
    linkSync(unfinished, file)
  } finally {
    rmSync(unfinished, { force: true })
  }
}

function parseKeyFile(text: string, file: string): EncryptionKey[] {
  const keys = text
    .trim()
    .split(/[\s,]+/)
    .map(item => {
      const [, id, encoded] = /^([A-Za-z0-9_-]{1,32}):([A-Za-z0-9+/]{43}=)$/.exec(item) ?? []
      if (id === undefined || encoded === undefined) {
        throw new StartError(
          `The file ${file} is damaged; restore it from a backup: without it no stored credential can be opened.`,
        )
      }
      return { id, key: Buffer.from(encoded, 'base64') }
    })
  return keys
}

function unreadable(file: string, error: unknown): StartError {
  const code = codeOf(error) ?? 'unknown'
  return new StartError(`The file ${file} with the encryption keys cannot be read or made (${code}).`, { cause: error })
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined
}
