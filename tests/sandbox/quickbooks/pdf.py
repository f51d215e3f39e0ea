"""An invoice as a small PDF, written by hand: one page, two fonts, what an invoice says."""

from decimal import Decimal

from tests.sandbox.company import Entity

BANK = (
    "Columbia Street Bank",
    "Routing number 000 000 019",
    "Account number 4407 118 296",
)
"""Where the money goes; no such bank exists."""
PAGE = (
    b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
    b" /Resources << /Font << /F1 5 0 R /F2 6 0 R >> >> >>"
)
FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /%s /Encoding /WinAnsiEncoding >>"
LEFT, MIDDLE = 64, 330


def invoice_pdf(invoice: Entity, company_name: str) -> bytes:
    """A valid PDF 1.4 that names the invoice, its customer, its amounts, its due date, the bank."""
    number = invoice.get("DocNumber") or f"#{invoice['Id']}"
    currency = invoice.get("CurrencyRef", {}).get("value", "")
    paid = Decimal(invoice["TotalAmt"]) - Decimal(invoice["Balance"])
    page = [
        _text(LEFT, 722, 20, company_name, bold=True),
        _text(LEFT, 690, 12, f"Invoice {number}", bold=True),
        _column(LEFT, 650, "Bill to:", invoice["CustomerRef"].get("name", "")),
        _column(MIDDLE, 650, "Date:", invoice["TxnDate"], "Due:", invoice.get("DueDate", "now")),
        _row(560, "Goods as delivered", f"{currency} {invoice['TotalAmt']:,.2f}"),
        _row(530, "Total", f"{currency} {invoice['TotalAmt']:,.2f}"),
        _row(512, "Paid or credited", f"{currency} {paid:,.2f}"),
        _row(494, "Balance due", f"{currency} {invoice['Balance']:,.2f}", bold=True),
        _column(LEFT, 440, "Pay by bank transfer to:", *BANK, f"Reference {number}"),
    ]
    rules = b"".join(b"%d %d m 548 %d l S\n" % (LEFT, y, y) for y in (676, 582, 548))
    return _document(b"0.5 w\n" + rules + b"".join(page))


def _column(left: int, top: int, *lines: str) -> bytes:
    return b"".join(
        _text(left, top - 16 * place, 11, line, bold=line.endswith(":"))
        for place, line in enumerate(lines)
    )


def _row(y: int, words: str, figure: str, *, bold: bool = False) -> bytes:
    return _text(LEFT, y, 11, words, bold=bold) + _text(440, y, 11, figure, bold=bold)


def _text(x: int, y: int, size: int, words: str, *, bold: bool = False) -> bytes:
    font = b"F2" if bold else b"F1"
    shown = b"BT /%s %d Tf %d %d Td (%s) Tj ET\n"
    return shown % (font, size, x, y, _escaped(words))


def _escaped(text: str) -> bytes:
    latin = text.encode("cp1252", "replace")
    return latin.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")


def _document(content: bytes) -> bytes:
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        PAGE,
        b"<< /Length %d >>\nstream\n" % len(content) + content + b"endstream",
        FONT % b"Helvetica",
        FONT % b"Helvetica-Bold",
    ]
    out, offsets = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"), []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    return bytes(out + _trailer(offsets, len(out)))


def _trailer(offsets: list[int], start: int) -> bytes:
    size = len(offsets) + 1
    rows = b"0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % at for at in offsets)
    return (
        b"xref\n0 %d\n" % size
        + rows
        + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, start)
    )
