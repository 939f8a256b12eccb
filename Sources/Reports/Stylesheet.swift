/// How the page looks: light and dark, wide, narrow and printed.
enum Stylesheet {
    static let text = """
        :root {
          --paper: #fbfaf7; --card: #ffffff; --ink: #1d2126; --quiet: #5d6670; --rule: #e2dfd7;
          --axis: #a8adb3; --grid: #ecebe6; --band: #fbe3dc; --link: #1f5fbf;
          --line-1: #1f6fd0; --line-2: #d9640f; --line-3: #0e8a7d; --line-4: #8a4fc7;
          --line-5: #2f7d32; --line-6: #b8336a;
          --good: #1b7a3d; --good-paper: #e4f4e8; --warn: #8a5a00; --warn-paper: #fdf0d2;
          --bad: #b3261e; --bad-paper: #fde7e4;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --paper: #14171a; --card: #1c2024; --ink: #e8e9ea; --quiet: #a0a8b0; --rule: #30363c;
            --axis: #5b636b; --grid: #282d32; --band: #46261f; --link: #8ab8ff;
            --line-1: #6aa9ff; --line-2: #ff9a4d; --line-3: #3fc9b8; --line-4: #c39bf5;
            --line-5: #7ccf80; --line-6: #f583ae;
            --good: #7fd99a; --good-paper: #173322; --warn: #f0c463; --warn-paper: #3a2e10;
            --bad: #ff9a90; --bad-paper: #45201c;
          }
        }
        * { box-sizing: border-box; }
        html { -webkit-text-size-adjust: 100%; }
        body {
          margin: 0; background: var(--paper); color: var(--ink);
          font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
        }
        main { max-width: 1180px; margin: 0 auto; padding: 40px 24px 64px; }
        h1, h2, h3 { line-height: 1.2; margin: 0; font-weight: 650; letter-spacing: -0.01em; }
        h1 { font-size: clamp(1.7rem, 4vw, 2.5rem); overflow-wrap: anywhere; }
        h2 { font-size: 1.45rem; overflow-wrap: anywhere; }
        h3 { font-size: 1.05rem; margin-top: 24px; }
        h2 small, h3 small, th small, nav small { font-weight: 400; color: var(--quiet); }
        p { margin: 12px 0; max-width: 76ch; }
        a { color: var(--link); }
        code { font: 0.88em/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
        section { margin-top: 56px; padding-top: 28px; border-top: 1px solid var(--rule); }
        .kicker {
          margin: 0 0 6px; font-size: 0.8rem; letter-spacing: 0.12em; text-transform: uppercase;
          color: var(--quiet);
        }
        .verdict {
          margin: 20px 0; padding: 16px 20px; max-width: none; border-radius: 10px;
          border-left: 5px solid; font-size: 1.08rem;
        }
        .verdict.good { border-color: var(--good); background: var(--good-paper); }
        .verdict.warn { border-color: var(--warn); background: var(--warn-paper); }
        .verdict.bad { border-color: var(--bad); background: var(--bad-paper); }
        .verdict .badge.warn { background: var(--card); }
        nav { display: flex; flex-wrap: wrap; gap: 8px 20px; }
        .badge {
          display: inline-block; padding: 1px 9px; border-radius: 99px; font-size: 0.78rem;
          font-weight: 600; line-height: 1.6; letter-spacing: 0; vertical-align: middle;
          white-space: nowrap;
        }
        .badge.good { color: var(--good); background: var(--good-paper); }
        .badge.warn { color: var(--warn); background: var(--warn-paper); }
        .badge.bad { color: var(--bad); background: var(--bad-paper); }
        .caveat { color: var(--quiet); font-size: 0.93rem; }
        .tiles {
          display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px;
          margin: 20px 0;
        }
        .tiles div {
          display: flex; flex-direction: column-reverse; padding: 12px 16px; border-radius: 10px;
          background: var(--card); border: 1px solid var(--rule);
        }
        .tiles dt { font-size: 0.82rem; color: var(--quiet); }
        .tiles dd { margin: 0; font-size: 1.5rem; font-weight: 650; }
        .figures { display: grid; grid-template-columns: 1fr 1fr; gap: 16px; margin: 20px 0; }
        figure {
          margin: 0; padding: 14px 14px 8px; min-width: 0; border-radius: 10px;
          background: var(--card); border: 1px solid var(--rule); break-inside: avoid;
        }
        figcaption { display: flow-root; margin: 0 4px 6px; line-height: 1.5; }
        .unit { color: var(--quiet); font-size: 0.85rem; margin-left: 4px; }
        .note { float: right; }
        .keys { display: block; min-height: 1.4em; font-size: 0.85rem; color: var(--quiet); }
        .key { display: inline-block; margin-right: 16px; white-space: nowrap; }
        .key i {
          display: inline-block; width: 18px; height: 0; margin-right: 6px; vertical-align: middle;
          border-top: 3px solid currentColor;
        }
        .key .c1 { color: var(--line-1); } .key .c2 { color: var(--line-2); }
        .key .c3 { color: var(--line-3); } .key .c4 { color: var(--line-4); }
        .key .c5 { color: var(--line-5); } .key .c6 { color: var(--line-6); }
        .key .dashed { border-top-style: dashed; }
        .key .band { height: 12px; border: 0; background: var(--band); }
        svg {
          display: block; width: 100%; height: auto; font: 13px system-ui, sans-serif;
          font-variant-numeric: tabular-nums; stroke-linejoin: round;
        }
        .scroll { overflow-x: auto; margin: 20px 0; }
        table { border-collapse: collapse; width: 100%; font-size: 0.93rem; }
        caption {
          text-align: left; color: var(--quiet); font-size: 0.88rem; padding-bottom: 8px;
          max-width: 76ch;
        }
        th, td { padding: 8px 10px; text-align: left; border-bottom: 1px solid var(--rule); }
        th:first-child { padding-left: 0; }
        thead th {
          font-size: 0.8rem; font-weight: 600; color: var(--quiet); vertical-align: bottom;
          border-bottom: 2px solid var(--rule);
        }
        tbody th { font-weight: 550; }
        .n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
        .violations {
          margin: 20px 0; padding: 4px 20px 12px; border-radius: 10px; color: var(--bad);
          background: var(--bad-paper);
        }
        .violations li, .violations code { overflow-wrap: anywhere; }
        pre {
          margin: 10px 0; padding: 12px 16px; overflow-x: auto; border-radius: 8px;
          background: var(--card); border: 1px solid var(--rule);
        }
        .facts {
          display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin: 10px 0;
          font-size: 0.9rem;
        }
        .facts dt { color: var(--quiet); }
        .facts dd { margin: 0; overflow-wrap: anywhere; }
        @media (max-width: 800px) {
          main { padding: 24px 16px 48px; }
          .figures { grid-template-columns: 1fr; }
          section { margin-top: 40px; padding-top: 20px; }
        }
        @media (max-width: 560px) {
          svg { font-size: 18px; }
          figure { padding: 12px 8px 6px; }
          .note { float: none; display: block; }
          .facts { grid-template-columns: 1fr; }
          .facts dd { margin-bottom: 8px; }
          thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
          tbody tr { display: block; padding: 10px 0; border-bottom: 1px solid var(--rule); }
          tbody th, tbody td { display: flex; padding: 2px 0; border: 0; gap: 16px; }
          tbody th { flex-wrap: wrap; gap: 6px; }
          tbody td { justify-content: space-between; }
          tbody td::before { content: attr(data-label); color: var(--quiet); }
        }
        @media print {
          :root {
            --paper: #ffffff; --card: #ffffff; --ink: #000000; --quiet: #444444; --rule: #cccccc;
            --axis: #888888; --grid: #e6e6e6; --band: #f3d9d0;
          }
          body { font-size: 10.5pt; }
          main { max-width: none; padding: 0; }
          section { margin-top: 24px; padding-top: 14px; }
          nav { display: none; }
          h2, h3 { break-after: avoid; }
          pre { white-space: pre-wrap; }
          .badge, .verdict { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
        }

        """
}
