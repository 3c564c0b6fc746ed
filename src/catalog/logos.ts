/** The marks of built-in integrations: drawings of Simple Icons that are openly licensed, in the colours of their brands. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import icons from 'simple-icons/icons.json' with { type: 'json' }
import type { Catalog } from './catalog.ts'
import type { IntegrationDefinition } from './entry.ts'

export interface Logo {
  /** Below the gateway's address. */
  readonly path: string
  /** `#` and six hexadecimal digits. */
  readonly color: string
  /** An SPDX identifier. */
  readonly license: string
  readonly source: string
}

export interface LogoFile {
  readonly svg: string
  /** As a header has it, in its quotes (RFC 9110 §8.8.3). */
  readonly etag: string
}

type Icon = (typeof icons)[number]

/** Of the set; an icon whose own licence is known has that one. */
const usualLicense = 'CC0-1.0'

const { resolve } = createRequire(import.meta.url)

/** Those of the catalog and no others: what is in the set besides is not served. */
export class Logos {
  readonly #byIcon: ReadonlyMap<string, Logo>
  readonly #files = new Map<string, LogoFile>()

  constructor(catalog: Pick<Catalog, 'list'>) {
    const wanted = new Set(catalog.list().map(({ icon }) => icon))
    const usable = icons.filter(icon => wanted.has(icon.slug) && isOpen(licenseOf(icon)))
    this.#byIcon = new Map(usable.map(icon => [icon.slug, describe(icon)]))
  }

  of({ icon }: Pick<IntegrationDefinition, 'icon'>): Logo | undefined {
    return icon === undefined ? undefined : this.#byIcon.get(icon)
  }

  /** The drawing, by the name of the icon; undefined for one that no built-in integration has. */
  read(icon: string): LogoFile | undefined {
    const logo = this.#byIcon.get(icon)
    if (logo === undefined) return undefined
    const file = this.#files.get(icon) ?? readFile(icon, logo)
    this.#files.set(icon, file)
    return file
  }
}

function describe(icon: Icon): Logo {
  const { slug, hex, source } = icon
  return { path: `logos/${slug}.svg`, color: `#${hex}`, license: licenseOf(icon), source }
}

function readFile(icon: string, { color }: Logo): LogoFile {
  const drawing = readFileSync(resolve(`simple-icons/icons/${icon}.svg`), 'utf8')
  const svg = drawing.replace('<svg ', `<svg fill="${color}" `)
  return { svg, etag: `"${createHash('sha256').update(svg).digest('base64url').slice(0, 22)}"` }
}

function licenseOf({ license }: Icon): string {
  return license?.type ?? usualLicense
}

/** Anyone may show it to anyone for any purpose: not so with terms of the owner's own, nor without trade or changes. */
function isOpen(license: string): boolean {
  return license !== 'custom' && !/-N[CD](?:-|$)/.test(license)
}
