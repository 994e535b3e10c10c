"""The stylesheet: what Gradio's theme has no name for. Colours are the theme's variables."""

CSS = """
.gradio-container { max-width: min(1360px, 100vw) !important; min-width: 0 !important;
  width: 100%; margin: 0 auto; padding: 0 20px 40px !important; overflow: clip !important; }
.gradio-container > .main { padding: 8px 0 !important; min-width: 0; }
.gradio-container .html-container { padding: 0 !important; }
.dark { --color-accent: #8ca7cd; }
.imp-canvas .inner svg, .imp-canvas .inner { color: #fff; }
.gradio-container h1, .gradio-container h2, .gradio-container h3 {
  font-family: "Iowan Old Style", "Palatino Linotype", Palatino, "URW Palladio L", P052,
    "Book Antiqua", Georgia, serif;
  font-weight: 600; letter-spacing: -0.01em;
}
:root { --imp-ultramarine: #305284; --imp-vermilion: #c24f33; --imp-ochre: #c8922f;
  --imp-viridian: #3f6f5e; --imp-board: #d9b98a; --imp-easel: #e7dcc8; }
.dark { --imp-ultramarine: #8ca7cd; --imp-vermilion: #db6d52; --imp-ochre: #d9aa55;
  --imp-viridian: #7fae9a; --imp-board: #5c4a33; --imp-easel: #211c15; }

/* The name */
.imp-header { display: flex; align-items: center; gap: 16px; padding: 22px 2px 10px; }
.imp-header h1 { font-size: 34px; line-height: 1; margin: 0; color: var(--body-text-color); }
.imp-header h1 span { font-weight: 400; font-style: italic; margin-left: 0.28em;
  color: var(--body-text-color-subdued); }
.imp-header p { margin: 0 0 0 auto; max-width: 360px; text-align: right; font-size: 14px;
  line-height: 1.45; color: var(--body-text-color-subdued); }
.imp-mark { width: 50px; height: 50px; flex: none; }
.imp-mark .imp-board { fill: var(--imp-board); }
.imp-mark .imp-ultramarine { fill: var(--imp-ultramarine); }
.imp-mark .imp-vermilion { fill: var(--imp-vermilion); }
.imp-mark .imp-ochre { fill: var(--imp-ochre); }
.imp-mark .imp-viridian { fill: var(--imp-viridian); }
.imp-stroke { display: block; width: 100%; height: 9px; margin-top: 5px;
  fill: var(--imp-vermilion); }

/* The steps on the left */
.imp-step { display: flex; align-items: baseline; gap: 10px; font-size: 19px; margin: 10px 0 2px;
  color: var(--body-text-color); }
.imp-step i { font-style: normal; font-size: 14px; width: 24px; height: 24px; line-height: 24px;
  text-align: center; border-radius: 50%; color: #fff; background: #305284; flex: none; }
.imp-step small { font-size: 13px; font-weight: 400; color: var(--body-text-color-subdued); }
.imp-chosen { margin: 2px 2px 4px; line-height: 1.45; font-size: 14px;
  color: var(--body-text-color-subdued); }
.imp-chosen small { display: block; font-size: 13px; }
.imp-chosen b { color: var(--body-text-color); font-weight: 600; }
.imp-press { position: sticky; bottom: 0; z-index: 20; padding: 10px 0 12px;
  background: linear-gradient(to top, var(--body-background-fill) 70%, transparent); }
.imp-press button { letter-spacing: 0.02em; }

/* The painters */
.imp-painters .grid-wrap { max-height: 268px !important; overflow-y: auto; }
.imp-painters .grid-container {
  grid-template-columns: repeat(auto-fill, minmax(104px, 1fr)) !important;
  gap: 8px; padding: 2px; }
.imp-painters .thumbnail-item { border-radius: 8px; aspect-ratio: 1; overflow: hidden; }
.imp-painters .thumbnail-item.selected { outline: 3px solid var(--imp-vermilion);
  outline-offset: -3px; }
.imp-painters .caption-label { left: 0; right: 0; bottom: 0; max-width: none; border-radius: 0;
  border: 0; font-size: 11.5px; line-height: 1.25; padding: 4px 6px; text-align: center;
  white-space: normal; text-transform: capitalize;
  color: #fdfaf4; background: rgba(26, 22, 16, 0.72); }

.imp-wall .grid-container {
  grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)) !important; }
.imp-wall .grid-wrap { overflow-y: auto; min-height: 0 !important; height: auto !important; }

/* The easel */
.imp-bench { align-items: stretch !important; }
.imp-tools { gap: 10px !important; }
@media (min-width: 701px) { .imp-easel { position: sticky !important; top: 14px; } }
.imp-drop .wrap { font-size: 14px; color: var(--body-text-color-subdued); }
.imp-drop h2 { font-size: 17px; margin: 0; color: var(--body-text-color); }
.imp-easel { flex: none !important; height: auto !important; background: var(--imp-easel);
  border-radius: 14px; padding: 18px !important;
  min-height: 460px; border: 1px solid var(--border-color-primary); }
#film-easel { min-height: 0; }
#film-easel:not(:has(video)):not(:has(.imp-status)) { display: none; }
.imp-empty { display: flex; flex-direction: column; align-items: center; justify-content: center;
  min-height: 420px; text-align: center; padding: 24px; }
.imp-empty .imp-mark { width: 84px; height: 84px; margin-bottom: 14px; }
.imp-empty h3 { font-size: 27px; margin: 0; color: var(--body-text-color); }
.imp-empty .imp-stroke { width: 180px; margin: 8px 0 14px; }
.imp-empty p { max-width: 420px; font-size: 15px; line-height: 1.6;
  color: var(--body-text-color-subdued); }
.imp-canvas { border-radius: 4px !important; overflow: hidden;
  box-shadow: 0 1px 2px rgba(26, 22, 16, 0.25), 0 14px 34px -14px rgba(26, 22, 16, 0.45); }
.imp-hands { justify-content: center; }
.imp-hands button { max-width: 320px; }

/* What is said */
.imp-status { margin: 4px 0; padding: 10px 14px; border-radius: 8px; font-size: 15px;
  line-height: 1.5; color: var(--body-text-color); background: var(--background-fill-primary);
  border: 1px solid var(--border-color-primary); overflow-wrap: anywhere; }
.imp-status::first-letter, .imp-busy span::first-letter { text-transform: uppercase; }
.imp-busy span { font-variant-numeric: tabular-nums; }
.imp-bar { height: 6px; margin-top: 8px; border-radius: 3px; overflow: hidden;
  background: var(--border-color-primary); }
.imp-bar i { display: block; height: 100%; border-radius: 3px; background: var(--imp-vermilion);
  transition: width 0.35s ease; }
.imp-bar .imp-unknown { width: 34%; animation: imp-stroke 1.5s ease-in-out infinite alternate; }
@keyframes imp-stroke { from { margin-left: 0; } to { margin-left: 66%; } }
.imp-done { border-left: 4px solid var(--imp-viridian); }
.imp-refused { border-left: 4px solid var(--imp-vermilion); }
.imp-footer { margin-top: 18px; text-align: center; font-size: 13px;
  color: var(--body-text-color-subdued); }
.imp-footer b { color: var(--body-text-color); }

/* A phone */
@media (max-width: 700px) {
  .gradio-container { padding: 0 12px 32px !important; }
  .imp-painters .grid-container {
    grid-template-columns: repeat(auto-fill, minmax(92px, 1fr)) !important; }
  .imp-header { padding: 14px 0 4px; gap: 12px; flex-wrap: wrap; }
  .imp-header h1 { font-size: 27px; }
  .imp-header p { margin: 4px 0 0; text-align: left; max-width: none; flex-basis: 100%; }
  .imp-mark { width: 42px; height: 42px; }
  .imp-easel { padding: 10px !important; min-height: 0; }
  .imp-empty { min-height: 260px; padding: 14px; }
  .imp-empty h3 { font-size: 23px; }
}
@media (prefers-reduced-motion: reduce) {
  .imp-bar i, .imp-bar .imp-unknown { transition: none; animation: none; }
}
footer.svelte-footer { display: none; }
"""
