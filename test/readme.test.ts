/** What the README promises is what the code has: error codes, variables, built-in integrations, commands. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Catalog } from '../src/catalog/catalog.ts'
import { errorCodes } from '../src/errors.ts'
import { variableNames } from '../src/variables.ts'

const root = join(import.meta.dirname, '..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')

test('the table of error codes is the one in the code, word for word', () => {
  const rows = [...readme.matchAll(/^\| `([A-Z_]+)` \| (\d{3}) \| (.+) \|$/gm)].map(([, code, status, meaning]) => [
    code,
    Number(status),
    meaning,
  ])
  expect(rows).toEqual(Object.entries(errorCodes).map(([code, { status, meaning }]) => [code, status, meaning]))
})

test('the table of variables has each one that is read, and no other', () => {
  const section = readme.slice(readme.indexOf('## Configuration'), readme.indexOf('## Error codes'))
  const rows = [...section.matchAll(/^\| (`[A-Z_`, ]+`) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([A-Z_]+)`/g)].map(match => match[1]),
  )
  expect(rows.sort()).toEqual([...variableNames].sort())
})

test('it counts the built-in integrations right', () => {
  const [, count] = /\*\*Built in: (\d+) integrations\*\*/.exec(readme) ?? []
  const { length } = Catalog.load().without('sandbox').list()
  expect(Number(count)).toBe(length)
})

test('every script it names exists, and every script is named', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>
  }
  const named = new Set([...readme.matchAll(/`npm (?:run )?([a-z]+)(?: --[^`]*)?`/g)].map(match => match[1]))
  expect([...named].sort()).toEqual(
    Object.keys(scripts)
      .filter(name => name !== 'pretest')
      .sort(),
  )
})

test('every file it links to exists', () => {
  const links = [...readme.matchAll(/\]\(([^)#]+)\)/g)].map(match => match[1] ?? '')
  expect(links.filter(link => !link.startsWith('http') && !existsSync(join(root, link)))).toEqual([])
})
