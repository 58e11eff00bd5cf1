"""What events are called in logs."""

from __future__ import annotations

from cartpath.ingest.mapping.names import words_of
from cartpath.schema import CANONICAL_EVENTS, Event

_NAMES = {
    Event.page_view: "pageview page visit pv_page screen_view seitenaufruf page_vue",
    Event.impression: "impressions view_item_list list_view shown exposure einblendung 曝光",
    Event.promotion_click: "select_promotion promo_click promotion",
    Event.search: "searched search_results view_search_results query suche recherche busqueda 搜索",
    Event.click: "clicks clicked select_item product_click item_click klick clic 点击",
    Event.view: """view_item viewed product_view item_view detail detail_view product_viewed viewed_product pv
        view_product browse ansicht produktansicht vue vista 浏览""",
    Event.wishlist: "add_to_wishlist favorite favourite fav like favorit merkzettel favori favorito 收藏",
    Event.add_to_cart: """addtocart cart add_cart basket add_to_basket added_to_cart product_added cart_add
        warenkorb in_den_warenkorb ajout_panier panier añadir_al_carrito carrito 加购""",
    Event.remove_from_cart: """removefromcart remove_cart cart_remove product_removed removed_from_cart
        retirer_panier""",
    Event.checkout: """begin_checkout checkout_started start_checkout initiate_checkout checkout_start kasse
        paiement_commence 结算""",
    Event.purchase: """buy bought order ordered sale transaction purchased order_completed checkout_completed
        kauf bestellung gekauft achat commande compra pedido 购买 下单""",
    Event.refund: """refunded return returned order_refunded cancellation erstattung retoure remboursement
        devolucion 退款""",
}
_MEANS = {
    "".join(words_of(name)): event
    for event in CANONICAL_EVENTS
    for name in (event, *_NAMES.get(event, "").split())
}  # fmt: skip


def meaning(name: str) -> str | None:
    """Return the canonical event that a name means, None if it is not known.

    Examples
    --------
    >>> meaning("addToCart"), meaning("In den Warenkorb"), meaning("login")
    ('add_to_cart', 'add_to_cart', None)
    """
    return _MEANS.get("".join(words_of(name)))
