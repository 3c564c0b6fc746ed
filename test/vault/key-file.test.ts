/** The key file of an embedded store: made once, private, and never replaced when it is damaged. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { StartError } from '../../src/errors.ts'
import { readOrCreateKeyFile } from '../../src/vault/key-file.ts'

function createFolder() {
  const path = mkdtempSync(join(tmpdir(), 'passgate-keys-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

test('is made at the first start and read at the next', () => {
  using folder = createFolder()
  const [made] = readOrCreateKeyFile(join(folder.path, 'data'))
  expect(made?.id).toBe('k1')
  expect(made?.key).toHaveLength(32)
  expect(readOrCreateKeyFile(join(folder.path, 'data'))).toEqual([made])
  expect(statSync(join(folder.path, 'data/encryption-keys')).mode & 0o777).toBe(0o600)
  expect(statSync(join(folder.path, 'data')).mode & 0o777).toBe(0o700)
})

test('is left alone when it is damaged, and the sentence says what hangs on it', () => {
  using folder = createFolder()
  const file = join(folder.path, 'encryption-keys')
  writeFileSync(file, 'k1:short')
  expect(() => readOrCreateKeyFile(folder.path)).toThrow(
    new StartError(
      `The file ${file} is damaged; restore it from a backup: without it no stored credential can be opened.`,
    ),
  )
  expect(readFileSync(file, 'utf8')).toBe('k1:short')
})

test('that cannot be made is told with the reason', () => {
  using folder = createFolder()
  writeFileSync(join(folder.path, 'file'), '')
  expect(() => readOrCreateKeyFile(join(folder.path, 'file'))).toThrow(
    /^The file .* with the encryption keys cannot be read or made \(ENOTDIR\)\.$/,
  )
})
