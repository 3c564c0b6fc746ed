/** The connect page that asks: the ways to connect one integration, and the fields of the one that is open. */
import type { ConnectChoice, ConnectField, ConnectMethod, ConnectView } from '../connections/connect-view.ts'
import { type FormRefusal, type FormState, renderField } from './connect-field.ts'
import { html, type Markup, readWebUrl } from './connect-markup.ts'
import { type ConnectPage, renderErrors, renderFooter, renderMark } from './connect-page.ts'

export function formPage(
  view: ConnectView,
  now: Date,
  choice: ConnectChoice,
  method: ConnectMethod,
  state: FormState,
): ConnectPage {
  const { theme, isRepair } = view
  const { name, logoPath } = choice
  const { refusal } = state
  const fields = fieldsOf(choice, method)
  const title = isRepair ? `Reconnect ${name}` : `Connect ${name}`
  const isRedirect = method.kind === 'redirect'
  return {
    status: refusal === undefined ? 200 : 422,
    title: refusal === undefined ? title : `Error: ${title}`,
    theme,
    hasMarks: logoPath !== null,
    leavesByForm: isRedirect || view.returnUrl !== null,
    main: html`${renderMark(logoPath, 40)}<h1>${title}</h1>
${refusal && renderRefusal(refusal, fields)}
<p class="quiet">${theme.name} asks to ${isRepair ? 'renew its connection' : 'be connected'} to your ${name} account.</p>
${choice.methods.length > 1 && renderMethods(choice, method)}
<form method="post" novalidate autocomplete="off">
<input type="hidden" name="csrf" value="${state.csrf}">
<input type="hidden" name="integration" value="${choice.slug}">
<input type="hidden" name="scheme" value="${method.scheme}">
${fields.map((field, index) => renderField(field, index, state))}
<button type="submit">${isRedirect ? `Continue to ${name}` : isRepair ? 'Reconnect' : 'Connect'}</button>
</form>
${isRedirect && html`<p class="quiet after">${name} asks for your consent on its own page and sends you back.</p>`}
${!isRedirect && renderDocs(choice)}
${view.choices.length > 1 && html`<p class="after"><a href="?">Choose another service</a></p>`}`,
    footer: renderFooter(view, now),
  }
}

/** Every control of the form, in its order. */
export function fieldsOf(choice: ConnectChoice, method: ConnectMethod): readonly ConnectField[] {
  return [...choice.config, ...method.fields]
}

function renderMethods({ slug, methods }: ConnectChoice, current: ConnectMethod): Markup {
  return html`<nav aria-label="Ways to connect">
<ul class="methods">
${methods.map(method => {
  const query = new URLSearchParams({ integration: slug, method: method.scheme }).toString()
  const isCurrent = method.scheme === current.scheme
  return html`<li><a href="?${query}"${isCurrent && html` aria-current="page"`}>${method.title}</a></li>
`
})}</ul>
</nav>`
}

function renderDocs({ name, docs }: ConnectChoice): Markup | undefined {
  const url = readWebUrl(docs)
  if (url === undefined) return undefined
  return html`<p class="after"><a href="${url.href}" target="_blank" rel="noopener noreferrer">Documentation of ${name} (opens in a new tab)</a></p>`
}

/** What is wrong with a field leads to it; the fields in their order, then what is wrong with the whole. */
function renderRefusal({ details = [], message }: FormRefusal, fields: readonly ConnectField[]): Markup {
  const ofFields = fields.flatMap(({ name }, index) =>
    details.filter(({ field }) => field === name).map(detail => html`<a href="#field-${index}">${detail.message}</a>`),
  )
  const ofWhole = details.filter(({ field }) => !fields.some(({ name }) => name === field))
  const lines = [...ofFields, ...ofWhole.map(detail => html`${detail.message}`)]
  return renderErrors(lines.length > 0 ? lines : [html`${message}`])
}
