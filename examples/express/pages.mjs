// @ts-check
// The example's HTML. Values in a template are escaped, so that a name can hold anything.

/** @import { HuggingFaceProfile } from 'passport-huggingface' */
/** @typedef {Omit<HuggingFaceProfile, '_raw' | '_json'>} User */

/** @param {{ user?: unknown, localHub: string | undefined }} context */
export function homePage({ user, localHub }) {
  const signedIn = /** @type {User | undefined} */ (user)
  return page(
    'Sign in with Hugging Face',
    localHub,
    html`<section class="hero">
  <p class="mark" aria-hidden="true">🤗</p>
  <h1>Hello${signedIn ? html`, ${nameOf(signedIn)}` : ''}!</h1>
  <p class="lead">An Express app that knows who you are on Hugging&nbsp;Face.</p>
  ${
    signedIn
      ? html`<p><a class="button" href="/profile">See your profile</a></p>`
      : html`<p><a class="button" href="/auth/huggingface">Sign in with Hugging Face</a></p>`
  }
</section>`,
  )
}

/** @param {{ user: unknown, localHub: string | undefined }} context */
export function profilePage({ user, localHub }) {
  const { id, username, profileUrl, website, emails, photos, isPro, orgs = [], ...rest } = /** @type {User} */ (user)
  const name = nameOf({ id, username, ...rest })
  const [email] = emails ?? []
  const [photo] = photos ?? []
  return page(
    name,
    localHub,
    html`<section class="card">
  <header class="person">
    ${photo ? html`<img src="${photo.value}" alt="" width="96" height="96">` : html`<span class="nobody" aria-hidden="true">🙂</span>`}
    <div>
      <h1>${name}${isPro ? html` <span class="badge pro">Pro</span>` : ''}</h1>
      <p>${username && profileUrl ? html`<a href="${profileUrl}">@${username}</a>` : id}</p>
    </div>
  </header>
  <dl>
    <dt>E-mail</dt>
    <dd>${
      email
        ? html`${email.value} ${email.verified ? html`<span class="badge good">✓ verified</span>` : html`<span class="badge">not verified</span>`}`
        : html`<span class="none">not shared</span>`
    }</dd>
    ${website ? html`<dt>Website</dt><dd><a href="${website}" rel="nofollow">${website.replace(/^https?:\/\/|\/$/g, '')}</a></dd>` : ''}
    <dt>User ID</dt>
    <dd><code>${id}</code></dd>
  </dl>
  <h2>Organizations</h2>
  ${
    orgs.length === 0
      ? html`<p class="none">None.</p>`
      : html`<ul class="orgs">${orgs.map(
          (org) => html`
    <li>
      ${org.picture ? html`<img src="${org.picture}" alt="" width="40" height="40">` : ''}
      <div><b>${org.displayName ?? org.username}</b><small>@${org.username}</small></div>
      <p>${org.role ? html`<span class="badge">${org.role}</span>` : ''} ${org.plan ? html`<span class="badge plan">${org.plan}</span>` : ''}</p>
    </li>`,
        )}
  </ul>`
  }
  <p class="none"><a href="/auth/huggingface/again">Change what this app sees</a></p>
  <form method="post" action="/sign-out"><button class="button plain">Sign out</button></form>
</section>`,
  )
}

/** @param {{ message: string | undefined, localHub: string | undefined }} context */
export function failedPage({ message, localHub }) {
  return page(
    'Sign-in not finished',
    localHub,
    html`<section class="hero">
  <p class="mark" aria-hidden="true">👋</p>
  <h1>Sign-in not finished</h1>
  <p class="lead" role="status">${message ?? 'You can try again whenever you like.'}</p>
  <p><a class="button" href="/auth/huggingface">Try again</a> <a class="button plain" href="/">Home</a></p>
</section>`,
  )
}

/** @param {{ title: string, localHub: string | undefined }} context */
export function errorPage({ title, localHub }) {
  return page(
    title,
    localHub,
    html`<section class="hero">
  <p class="mark" aria-hidden="true">🛠️</p>
  <h1>${title}</h1>
  <p class="lead" role="alert">Please try again in a moment.</p>
  <p><a class="button plain" href="/">Home</a></p>
</section>`,
  )
}

/** @param {Pick<User, 'id' | 'username' | 'displayName'>} user */
function nameOf({ displayName, username, id }) {
  return displayName ?? username ?? id
}

/**
 * @param {string} title
 * @param {string | undefined} localHub
 * @param {Markup} body
 */
function page(title, localHub, body) {
  return String(html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 100 100'><text y='.9em' font-size='90'>🤗</text></svg>">
<style>${new Markup(css)}</style>
</head>
<body>
<main>
${body}
</main>
<footer>${
    localHub
      ? html`This example runs on a <a href="${localHub}">local Hub</a> with made-up people.`
      : html`You can take access back at <a href="https://huggingface.co/settings/connected-applications">connected applications</a>.`
  }</footer>
</body>
</html>
`)
}

class Markup {
  /** @param {string} text */
  constructor(text) {
    this.text = text
  }

  toString() {
    return this.text
  }
}

/**
 * @param {TemplateStringsArray} strings
 * @param {unknown[]} values
 */
function html(strings, ...values) {
  return new Markup(strings.map((string, index) => (index === 0 ? '' : render(values[index - 1])) + string).join(''))
}

/**
 * @param {unknown} value
 * @returns {string}
 */
function render(value) {
  if (Array.isArray(value)) {
    return value.map(render).join('')
  }
  return value instanceof Markup ? value.text : String(value).replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
}

const css = `
:root{--paper:#fffaf0;--glow:#ffe9b3;--card:#fff;--ink:#241f17;--soft:#70685a;--line:#ece3d0;--accent:#ffc233;--accent-deep:#e0a000;--on-accent:#2d2200;--good:#16704a;--good-tint:#dff5ea}
@media (prefers-color-scheme:dark){:root{--paper:#171410;--glow:#3a2d0c;--card:#221e18;--ink:#f6f0e4;--soft:#b0a694;--line:#3b352b;--accent:#ffc94d;--accent-deep:#ffd981;--on-accent:#271d00;--good:#86e0b4;--good-tint:#143527}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;grid-template-rows:1fr auto;background:radial-gradient(60rem 30rem at 50% -8rem,var(--glow),transparent 70%) var(--paper);color:var(--ink);font:17px/1.55 system-ui,-apple-system,"Segoe UI",sans-serif}
main{width:min(36rem,100% - 2rem);margin:auto;padding:2rem 0}
.hero{text-align:center}
.mark{margin:0;font-size:clamp(4.5rem,14vw,7rem);line-height:1.1;filter:drop-shadow(0 12px 24px #e0a00040)}
h1{margin:.25rem 0 0;font-size:clamp(1.75rem,6vw,2.5rem);line-height:1.15;letter-spacing:-.02em;text-wrap:balance;overflow-wrap:anywhere}
h2{margin:1.75rem 0 .5rem;font-size:1rem}
.lead{margin:.75rem auto 1.75rem;max-width:28rem;color:var(--soft);font-size:1.125rem;text-wrap:balance;overflow-wrap:anywhere}
a{color:inherit;text-decoration-color:var(--accent-deep);text-decoration-thickness:2px;text-underline-offset:3px}
.button{display:inline-block;font:inherit;font-weight:600;padding:.7rem 1.4rem;border:1px solid var(--accent-deep);border-radius:999px;background:var(--accent);color:var(--on-accent);text-decoration:none;cursor:pointer;box-shadow:0 6px 20px #e0a00038;transition:transform .12s}
.button:hover{transform:translateY(-2px)}
.plain{background:none;border-color:var(--line);color:inherit;box-shadow:none}
:is(a,button):focus-visible{outline:3px solid var(--accent-deep);outline-offset:3px}
.card{padding:clamp(1.25rem,5vw,2.25rem);background:var(--card);border:1px solid var(--line);border-radius:1.5rem;box-shadow:0 20px 60px #5a420017}
.person{display:flex;gap:1.25rem;align-items:center}
.person h1{margin:0;font-size:1.75rem}
.person p{margin:.15rem 0 0;color:var(--soft)}
.person img,.nobody{flex:none;width:96px;height:96px;border-radius:50%;background:var(--line);border:4px solid var(--accent);object-fit:cover}
.nobody{display:grid;place-items:center;font-size:2.5rem}
dl{display:grid;grid-template-columns:auto 1fr;gap:.5rem 1.25rem;margin:1.75rem 0 0}
dt{color:var(--soft)}
dd{margin:0;overflow-wrap:anywhere}
code{font:.875rem ui-monospace,SFMono-Regular,Menlo,monospace}
.card form{margin-top:1.75rem}
.none{color:var(--soft)}
.badge{display:inline-block;padding:.1rem .55rem;border-radius:999px;font-size:.8125rem;font-weight:600;white-space:nowrap;background:var(--line);color:var(--ink)}
.pro{background:var(--accent);color:var(--on-accent);vertical-align:.3em;letter-spacing:0}
.good{background:var(--good-tint);color:var(--good)}
.plan{background:var(--glow)}
.orgs{list-style:none;margin:0;padding:0}
.orgs li{display:flex;gap:.4rem .9rem;align-items:center;padding:.6rem 0;border-top:1px solid var(--line)}
.orgs li:first-child{border-top:0}
.orgs img{flex:none;border-radius:12px;background:var(--line)}
.orgs small{display:block;color:var(--soft);line-height:1.2}
.orgs div{flex:1 1 9rem}
.orgs p{margin:0 0 0 auto;display:flex;gap:.35rem;flex-wrap:wrap;justify-content:flex-end}
footer{padding:1.25rem;text-align:center;font-size:.875rem;color:var(--soft)}
@media (max-width:26rem){.person{flex-direction:column;text-align:center}dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.6rem}}
@media (prefers-reduced-motion:reduce){.button{transition:none}}
`
