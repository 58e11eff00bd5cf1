"""What columns are called: names of each canonical column in English, German, French, Spanish and Chinese."""

from __future__ import annotations

from collections.abc import Mapping

from cartpath.schema import Columns

#: Names that mean the column and hardly anything else.
CLEAR: Mapping[str, str] = {
    Columns.user_id: """user_id user customer_id customer client_id visitor_id visitor member_id uid cust_id
        customer_no customer_number shopper_id buyer_id account_id user_pseudo_id full_visitor_id household_id
        kunde kunden_id kunde_id kundennummer kunden_nr besucher_id nutzer nutzer_id benutzer benutzer_id client
        id_client numero_client utilisateur id_utilisateur visiteur cliente id_cliente usuario id_usuario
        visitante yonghu yonghu_id huiyuan huiyuan_id kehu kehu_id 用户 用户id 用户编号 会员 会员id 客户 客户id
        买家id""",
    Columns.ts: """ts timestamp time datetime date_time event_time event_timestamp created_at occurred_at
        happened_at server_time client_time invoice_date order_date ordered_at transaction_date
        transaction_timestamp purchase_date visit_time hit_time zeit zeitpunkt zeitstempel datum bestelldatum
        erstellt_am horodatage date_heure date_commande fecha fecha_hora fecha_pedido marca_de_tiempo riqi
        shijianchuo 时间 日期 时间戳 下单时间 创建时间 行为时间 事件时间""",
    Columns.event: """event event_name event_type action action_type activity activity_type behavior behaviour
        behavior_type behaviour_type ereignis ereignistyp ereignis_typ aktion evenement type_evenement evento
        tipo_evento accion xingwei xingwei_leixing shijian_leixing 事件 事件类型 事件名称 行为 行为类型 动作""",
    Columns.item_id: """item_id item product_id product sku stock_code article_id article asin goods_id sku_id
        spu_id item_code product_code product_no item_no artikel artikel_id artikelnummer artikel_nr produkt
        produkt_id produktnummer produit id_produit code_produit ref_produit producto id_producto
        codigo_producto articulo shangpin shangpin_id 商品 商品id 商品编号 货号 产品 产品id""",
    Columns.session_id: """session_id session user_session visit_id session_key ga_session_id sid sitzung
        sitzungs_id sitzung_id besuch besuch_id id_session sesion id_sesion id_visite id_visita huihua huihua_id
        会话 会话id 访问id""",
    Columns.price: """price unit_price item_price product_price sale_price preis einzelpreis stueckpreis
        stückpreis verkaufspreis prix prix_unitaire precio precio_unitario jiage danjia 价格 单价 售价""",
    Columns.quantity: """quantity qty units item_quantity product_quantity menge anzahl stueck stück stueckzahl
        stückzahl quantite qte cantidad unidades shuliang 数量 件数""",
    Columns.order_id: """order_id order_number order_no invoice invoice_no invoice_id invoice_number
        transaction_id transaction basket_id receipt_id purchase_id bestellnummer bestell_nr bestellung
        bestell_id auftragsnummer auftrag rechnung rechnungsnummer belegnummer commande id_commande
        numero_commande facture numero_facture pedido id_pedido numero_pedido factura dingdan dingdan_id
        dingdanhao 订单 订单号 订单id 订单编号 发票号""",
    Columns.order_value: """order_value order_total order_amount revenue grand_total total_amount total_price
        transaction_revenue purchase_revenue bestellwert auftragswert gesamtbetrag gesamtpreis umsatz
        montant_total montant_commande chiffre_affaires importe_total valor_pedido dingdan_jine zongjia zongjine
        订单金额 总价 总金额 实付金额""",
    Columns.page: """page page_url url page_path page_location uri request_url screen screen_name seite
        seiten_url pagina yemian wangzhi 页面 网址 页面路径""",
    Columns.query: """query search_query search_term search_terms search_keyword search_phrase suchbegriff
        suchanfrage terme_recherche recherche requete busqueda termino_busqueda sousuo sousuoci 搜索词 搜索""",
    Columns.event_id: """event_id message_id event_uuid uuid guid hit_id log_id insert_id ereignis_id
        id_evenement id_evento 事件id 日志id""",
    Columns.props: """props properties attributes payload params extra metadata event_properties event_params
        eigenschaften""",
    Columns.channel: "channel channel_grouping marketing_channel kanal canal qudao 渠道",
    Columns.source: "source utm_source traffic_source quelle fuente laiyuan 来源",
    Columns.medium: "medium utm_medium",
    Columns.campaign: "campaign utm_campaign campaign_name kampagne campagne campaña huodong 活动",
    Columns.keyword: "keyword utm_term keywords suchwort mot_cle palabra_clave guanjianci 关键词",
    Columns.referrer: "referrer referer referrer_url page_referrer http_referer",
    Columns.is_direct: "is_direct is_true_direct",
    Columns.device: "device device_type device_category geraet gerät appareil dispositivo shebei 设备 设备类型",
    Columns.browser: "browser browser_name navigateur navegador liulanqi 浏览器",
    Columns.os: """os operating_system operating_systems betriebssystem systeme_exploitation sistema_operativo
        操作系统""",
    Columns.language: "language lang locale sprache langue idioma yuyan 语言",
    Columns.country: "country country_code country_name land pays pais guojia 国家",
    Columns.region: "region state province bundesland provincia shengfen 省份 地区",
    Columns.city: "city town stadt ville ciudad chengshi 城市",
    Columns.visit_number: "visit_number session_number ga_session_number visit_count",
}

#: Names that may mean the column, among other things.
VAGUE: Mapping[str, str] = {
    Columns.user_id: "id_user email mail e_mail device_id cookie_id cookie anonymous_id ip ip_address phone",
    Columns.ts: "date day when at uhrzeit heure hora shijian jour dia updated_at stamp",
    Columns.event: "type kind verb status typ tipo operation caozuo 类型 操作",
    Columns.item_id: "goods ean isbn movie_id content_id variant_id offer_id id_article listing_id",
    Columns.session_id: "visit visite visita",
    Columns.price: "amount cost value betrag montant importe jine 金额",
    Columns.quantity: "count number nombre pieces amount",
    Columns.order_id: "order cart_id basket checkout_id bon ticket",
    Columns.order_value: "total sum summe amount value importe",
    Columns.page: "path location address link pfad ruta 链接",
    Columns.query: "search suche q keyword 关键词",
    Columns.event_id: "id row_id index number",
    Columns.device: "platform",
    Columns.browser: "user_agent",
    Columns.source: "origin origine utm",
}

#: Words after a name that say more of the same: units, zones, forms.
AFTER = """utc gmt local ms us micros millis seconds text str string raw eur usd gbp gross net hash hashed
    key name no nr code"""
