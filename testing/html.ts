import { avatarURL, type Resident, type ResidentOrganization } from './people'
import { css } from './style'

/** Text that is markup already, so that it is not escaped. */
export interface Markup {
  readonly markup: string
}

type Part = string | false | Markup | readonly Markup[]

function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return { markup: String.raw({ raw: strings }, ...parts.map(toText)) }
}

function toText(part: Part): string {
  if (typeof part === 'object') return [part].flat().reduce((all, { markup }) => all + markup, '')
  return (part || '').replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
}

export function peopleForm(hubURL: string, people: readonly Resident[]): Markup {
  const button = (person: Resident): Markup => html`
<button class="row" name="username" value="${person.username}">${account(hubURL, person)}</button>`
  return html`<form method="post">${people.map(button)}</form>
<form method="post" class="actions"><button name="decision" value="deny">Cancel</button></form>`
}

/** @param isTicked whether an organization is ticked at first */
export function consentForm(
  hubURL: string,
  person: Resident,
  scopes: readonly string[],
  isTicked: (org: ResidentOrganization) => boolean,
): Markup {
  const scope = (name: string): Markup => html`<li><code>${name}</code></li>`
  const choice = (org: ResidentOrganization): Markup => html`
<label class="row"><input type="checkbox" name="orgs" value="${org.sub}" ${isTicked(org) && 'checked'}>
${account(hubURL, org)}</label>`
  const roles = scopes.includes('read-memberships') ? 'all of them' : 'those you tick'
  const orgs = html`<fieldset><legend>Organizations</legend>
<p>The app sees all your organizations, and your role in ${roles}.</p>
${person.orgs.map(choice)}</fieldset>`
  return html`<div class="row">${account(hubURL, person)}</div>
<form method="post">
<h2>The app asks for</h2>
<ul>${scopes.map(scope)}</ul>
<input type="hidden" name="orgs">
${person.orgs.length > 0 && orgs}
<div class="actions"><button name="decision" value="deny">Deny</button>
<button name="decision" value="authorize" class="primary">Authorize</button></div>
<button name="decision" value="switch">Choose another person</button>
</form>`
}

/** Picture, name, username and what tells the account from others. */
function account(hubURL: string, of: Resident | ResidentOrganization): Markup {
  const { username, name } = of
  const notes =
    'orgs' in of
      ? [of.email ?? 'no e-mail', of.emailVerified === false && 'not verified', of.isPro && 'Pro']
      : [of.role, of.plan]
  return html`<img src="${avatarURL(hubURL, username)}" alt="" width="40" height="40">
<span><b>${name ?? username}</b> <small>@${username}</small>
<small>${notes.filter(Boolean).join(', ')}</small></span>`
}

/** An avatar with the initial. */
export function avatarSVG(username: string): string {
  return html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96" width="96" height="96">
<rect width="96" height="96" fill="#3b5b92"/><text x="48" y="64" text-anchor="middle" fill="#fff"
 font-family="sans-serif" font-size="44">${username.slice(0, 1).toUpperCase()}</text></svg>`.markup
}

const signOutForm = html`
<form method="post" action="/sign-out"><button>Sign out of the local Hub</button></form>`

/** The whole document. */
export function render(title: string, messages: readonly string[], form = signOutForm): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · Local Hub</title>
<link rel="icon" href="data:,">
<style>${{ markup: css }}</style>
</head>
<body>
<header><a href="/">Local Hub</a> For testing. No real account is involved.</header>
<main>
<h1>${title}</h1>
${messages.map((message) => html`<p>${message}</p>`)}
${form}
</main>
</body>
</html>
`.markup
}
