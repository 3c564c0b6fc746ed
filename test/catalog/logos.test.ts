/** Logos: the icon that an entry names is in the icon set, is shown when anyone may show it, and nothing else is given away. */
import icons from 'simple-icons/icons.json' with { type: 'json' }
import { expect, test } from 'vitest'
import { Catalog } from '../../src/catalog/catalog.ts'
import { Logos } from '../../src/catalog/logos.ts'
import { parseIntegration } from '../../src/catalog/parse.ts'
import { definition } from './definition.ts'

const catalog = Catalog.load()
const logos = new Logos(catalog)
const withIcon = catalog.list().filter(({ icon }) => icon !== undefined)

test('every icon of the catalog is one of Simple Icons', () => {
  const known = new Set(icons.map(({ slug }) => slug))
  const unknown = withIcon.filter(({ icon = '' }) => !known.has(icon))
  expect(unknown.map(({ slug, icon }) => `${slug}: ${icon}`)).toEqual([])
})

test('every icon of the catalog is shown, but for those that not everyone may show', () => {
  const shown = withIcon.filter(entry => logos.of(entry) !== undefined)
  const others = icons.filter(({ slug }) => withIcon.some(entry => entry.icon === slug && !shown.includes(entry)))
  expect(others.filter(({ license }) => !/^custom$|-N[CD]\b/.test(license?.type ?? ''))).toEqual([])
  for (const entry of shown) {
    expect(logos.of(entry)).toEqual({
      path: `logos/${entry.icon}.svg`,
      color: expect.stringMatching(/^#[0-9A-F]{6}$/),
      license: expect.stringMatching(/^[A-Z][\w.-]+$/),
      source: expect.stringMatching(/^https?:\/\//),
    })
    expect(logos.read(entry.icon ?? '')?.svg).toMatch(
      /^<svg fill="#[0-9A-F]{6}" role="img" viewBox="0 0 24 24" xmlns="http:\/\/www\.w3\.org\/2000\/svg"><title>[^<]+<\/title><path d="[^"<]+"\/><\/svg>$/,
    )
  }
})

const withIcons = (...names: string[]) =>
  new Logos(names.reduce((all, icon) => all.with(parseIntegration(definition({ slug: icon, icon }))), catalog))

test('an icon has its own licence where one is known, else that of the set', () => {
  const own = withIcons('apacheairflow', 'stripe')
  expect(own.of({ icon: 'stripe' })).toMatchObject({ license: 'CC0-1.0', color: '#635BFF' })
  expect(own.of({ icon: 'apacheairflow' })).toMatchObject({ license: 'Apache-2.0' })
})

test.each([
  ['with terms of the owner’s own', 'webex'],
  ['not for trade', 'nodebb'],
  ['not to be changed', 'jpeg'],
])('an icon is left out that is %s', (_what, icon) => {
  expect(withIcons(icon).of({ icon })).toBeUndefined()
  expect(withIcons(icon).read(icon)).toBeUndefined()
})

test('what no built-in integration has is not there', () => {
  expect(logos.of({})).toBeUndefined()
  for (const icon of ['', 'nosuchicon', 'constructor', '../package', 'bitcoin']) {
    expect(logos.read(icon)).toBeUndefined()
    expect(logos.of({ icon })).toBeUndefined()
  }
})
