import { avatarURL, type Resident, type ResidentOrganization } from './people'
import { css } from './style'

/** Every text that is not part of a template goes through here. */
function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
}

export function peopleForm(hubURL: string, people: readonly Resident[]): string {
  const button = (person: Resident) => `
<button class="row" name="username" value="${escaped(person.username)}">${account(hubURL, person)}</button>`
  return `<form method="post">${people.map(button).join('')}</form>
<form method="post" class="actions"><button name="decision" value="deny">Cancel</button></form>`
}

export function consentForm(
  hubURL: string,
  person: Resident,
  scopes: readonly string[],
  ticked: readonly ResidentOrganization[],
): string {
  const item = (scope: string) => `<li><code>${escaped(scope)}</code></li>`
  const choice = (org: ResidentOrganization) => `
<label class="row"><input type="checkbox" name="orgs" value="${escaped(org.sub)}"${ticked.includes(org) ? ' checked' : ''}>
${account(hubURL, org)}</label>`
  const roles = scopes.includes('read-memberships') ? 'all of them' : 'those you tick'
  const orgs = `<fieldset><legend>Organizations</legend>
<p>The app sees all your organizations, and your role in ${roles}.</p>${person.orgs.map(choice).join('')}</fieldset>`
  return `<div class="row">${account(hubURL, person)}</div>
<form method="post">
<h2>The app asks for</h2>
<ul>${scopes.map(item).join('')}</ul>
<input type="hidden" name="orgs">
${person.orgs.length > 0 ? orgs : ''}
<div class="actions"><button name="decision" value="deny">Deny</button>
<button name="decision" value="authorize" class="primary">Authorize</button></div>
<button name="decision" value="switch">Choose another person</button>
</form>`
}

/** Picture, name, username and what tells the account from others. */
function account(hubURL: string, of: Resident | ResidentOrganization): string {
  const { username, name } = of
  const notes =
    'orgs' in of
      ? [of.email ?? 'no e-mail', of.emailVerified === false && 'not verified', of.isPro && 'Pro']
      : [of.role, of.plan]
  return `<img src="${escaped(avatarURL(hubURL, username))}" alt="" width="40" height="40">
<span><b>${escaped(name ?? username)}</b> <small>@${escaped(username)}</small><br>
<small>${escaped(notes.filter(Boolean).join(', '))}</small></span>`
}

export function avatarSVG(username: string): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96" width="96" height="96">
<rect width="96" height="96" fill="#3b5b92"/><text x="48" y="64" text-anchor="middle" fill="#fff"
 font-family="sans-serif" font-size="44">${escaped(username.slice(0, 1).toUpperCase())}</text></svg>`
}

const signOutForm = '<form method="post" action="/sign-out"><button>Sign out</button></form>'

/** The whole document. `form` is markup, the rest is text. */
export function render(title: string, messages: readonly string[], form = signOutForm): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(title)} · Local Hub</title>
<link rel="icon" href="data:,">
<style>${css}</style>
<header><a href="/">Local Hub</a> For testing. No real account is involved.</header>
<main>
<h1>${escaped(title)}</h1>
${messages.map((message) => `<p>${escaped(message)}</p>`).join('')}
${form}
</main>
`
}
